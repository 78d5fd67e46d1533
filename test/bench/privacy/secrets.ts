/** Numbers in [0, 1). */
type Random = () => number;

/** A credential in the code that it would stand in. */
export interface PlantedSecret {
  readonly kind: string;
  readonly secret: string;
  readonly text: string;
}

const LOWER = "abcdefghijklmnopqrstuvwxyz";
const UPPER = LOWER.toUpperCase();
const DIGITS = "0123456789";
const HEX = "0123456789abcdef";
const ALNUM = LOWER + UPPER + DIGITS;
const URL_SAFE = `${ALNUM}-_`;
const BASE64 = `${ALNUM}+/`;

type Draw = (alphabet: string, length: number) => string;
/** Where a kind usually stands; the others take any of the neutral places. */
interface Kind {
  readonly make: (draw: Draw) => string;
  readonly places?: readonly ((secret: string) => string)[];
}

/** Formats as their issuers document them, written down apart from the rules that look for them. */
const KINDS: Readonly<Record<string, Kind>> = {
  "aws access key": { make: (d) => `AKIA${d(`${UPPER}234567`, 16)}` },
  "aws temporary key": { make: (d) => `ASIA${d(`${UPPER}234567`, 16)}` },
  "aws secret key": {
    make: (d) => d(BASE64, 40),
    places: [
      (s) => `aws_secret_access_key = ${s}\n`,
      (s) => `export AWS_SECRET_ACCESS_KEY=${s}\n`,
      (s) => `new S3({ secretAccessKey: "${s}" })`,
    ],
  },
  "github token": { make: (d) => `ghp_${d(ALNUM, 36)}` },
  "github app token": { make: (d) => `ghs_${d(ALNUM, 36)}` },
  "github fine-grained token": { make: (d) => `github_pat_${d(ALNUM, 22)}_${d(ALNUM, 59)}` },
  "gitlab token": { make: (d) => `glpat-${d(URL_SAFE, 20)}` },
  "gitlab runner token": { make: (d) => `glrt-${d(URL_SAFE, 20)}` },
  "openai project key": { make: (d) => `sk-proj-${d(URL_SAFE, 74)}T3BlbkFJ${d(URL_SAFE, 73)}A` },
  "openai key": { make: (d) => `sk-${d(ALNUM, 20)}T3BlbkFJ${d(ALNUM, 20)}` },
  "anthropic key": { make: (d) => `sk-ant-api03-${d(URL_SAFE, 93)}AA` },
  "hugging face token": { make: (d) => `hf_${d(LOWER + UPPER, 34)}` },
  "replicate token": { make: (d) => `r8_${d(ALNUM, 37)}` },
  "groq key": { make: (d) => `gsk_${d(ALNUM, 52)}` },
  "slack bot token": { make: (d) => `xoxb-${d(DIGITS, 12)}-${d(DIGITS, 13)}-${d(ALNUM, 24)}` },
  "slack app token": { make: (d) => `xapp-1-A${d(UPPER + DIGITS, 10)}-${d(DIGITS, 13)}-${d(HEX, 64)}` },
  "slack webhook": {
    make: (d) => `https://hooks.slack.com/services/T${d(UPPER + DIGITS, 10)}/B${d(UPPER + DIGITS, 10)}/${d(ALNUM, 24)}`,
  },
  "discord webhook": { make: (d) => `https://discord.com/api/webhooks/1${d(DIGITS, 17)}/${d(URL_SAFE, 67)}a` },
  "discord bot token": { make: (d) => `M${d(ALNUM, 25)}.G${d(ALNUM, 5)}.${d(URL_SAFE, 37)}a` },
  "telegram token": { make: (d) => `${d("123456789", 10)}:AA${d(URL_SAFE, 32)}a` },
  "stripe secret key": { make: (d) => `sk_live_${d(ALNUM, 99)}` },
  "stripe restricted key": { make: (d) => `rk_live_${d(ALNUM, 24)}` },
  "stripe webhook secret": { make: (d) => `whsec_${d(ALNUM, 32)}` },
  "square token": { make: (d) => `sq0csp-${d(URL_SAFE, 42)}a` },
  "google api key": { make: (d) => `AIzaSy${d(URL_SAFE, 32)}a` },
  "google oauth secret": { make: (d) => `GOCSPX-${d(URL_SAFE, 27)}a` },
  "npm token": { make: (d) => `npm_${d(ALNUM, 36)}` },
  "pypi token": { make: (d) => `pypi-AgEIcHlwaS5vcmc${d(URL_SAFE, 130)}a` },
  "rubygems key": { make: (d) => `rubygems_${d(HEX, 48)}` },
  "docker token": { make: (d) => `dckr_pat_${d(URL_SAFE, 26)}a` },
  "sendgrid key": { make: (d) => `SG.${d(URL_SAFE, 22)}.${d(URL_SAFE, 42)}a` },
  "mailgun key": { make: (d) => `key-${d(HEX, 32)}` },
  "mailchimp key": { make: (d) => `${d(HEX, 32)}-us14` },
  "twilio key": { make: (d) => `SK${d(HEX, 32)}` },
  "digitalocean token": { make: (d) => `dop_v1_${d(HEX, 64)}` },
  "shopify token": { make: (d) => `shpat_${d(HEX, 32)}` },
  "databricks token": { make: (d) => `dapi${d(HEX, 32)}` },
  "new relic key": { make: (d) => `NRAK-${d(UPPER + DIGITS, 27)}` },
  "sentry token": { make: (d) => `sntryu_${d(HEX, 64)}` },
  "grafana token": { make: (d) => `glsa_${d(ALNUM, 32)}_${d(HEX, 8)}` },
  "vault token": { make: (d) => `hvs.${d(URL_SAFE, 90)}` },
  "terraform token": { make: (d) => `${d(ALNUM, 14)}.atlasv1.${d(URL_SAFE, 66)}a` },
  "doppler token": { make: (d) => `dp.pt.${d(ALNUM, 43)}` },
  "linear key": { make: (d) => `lin_api_${d(ALNUM, 40)}` },
  "notion token": { make: (d) => `ntn_${d(ALNUM, 46)}` },
  "airtable token": { make: (d) => `pat${d(ALNUM, 14)}.${d(HEX, 64)}` },
  "atlassian token": { make: (d) => `ATATT3xFfGF0${d(URL_SAFE, 171)}=${d("0123456789ABCDEF", 8)}` },
  "figma token": { make: (d) => `figd_${d(URL_SAFE, 39)}a` },
  "postman key": { make: (d) => `PMAK-${d(HEX, 24)}-${d(HEX, 34)}` },
  "tailscale key": { make: (d) => `tskey-auth-${d(ALNUM, 12)}CNTRL-${d(ALNUM, 32)}` },
  "cloud storage key": {
    make: (d) => `${d(BASE64, 86)}==`,
    places: [(s) => `const c = "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=${s};EndpointSuffix=core";`],
  },
  "azure client secret": { make: (d) => `${d(ALNUM, 3)}8Q~${d(URL_SAFE, 34)}` },
  "json web token": { make: (d) => `eyJhbGciOiJIUzI1NiJ9.eyJ${d(URL_SAFE, 60)}.${d(URL_SAFE, 42)}a` },
  "private key": {
    make: (d) => Array.from({ length: 12 }, () => d(BASE64, 64)).join("\n"),
    places: [
      (s) => `const k = \`-----BEGIN RSA PRIVATE KEY-----\n${s}\n-----END RSA PRIVATE KEY-----\`;`,
      (s) => `-----BEGIN OPENSSH PRIVATE KEY-----\n${s}\n-----END OPENSSH PRIVATE KEY-----\n`,
      (s) =>
        `{"private_key": "-----BEGIN PRIVATE KEY-----\\n${s.replaceAll("\n", "\\n")}\\n-----END PRIVATE KEY-----\\n"}`,
      // The window begins in the middle of it.
      (s) => `${s}\n-----END EC PRIVATE KEY-----\n`,
    ],
  },
  "postgres address": {
    make: (d) => d(ALNUM, 16),
    places: [
      (s) => `connect("postgres://app:${s}@db.internal:5432/app")`,
      (s) => `DATABASE_URL=mysql://root:${s}@db/app\n`,
    ],
  },
  "mongodb address": {
    make: (d) => d(ALNUM, 20),
    places: [(s) => `"mongodb+srv://user:${s}@cluster0.example.net/db"`],
  },
  password: {
    make: (d) => `${d(LOWER, 6)}${d(DIGITS, 3)}!${d(UPPER, 4)}`,
    places: [
      (s) => `const password = "${s}";`,
      (s) => `{ "db_password": "${s}" }`,
      (s) => `password: '${s}'\n`,
      (s) => `PGPASSWORD=${s}\n`,
    ],
  },
  "bearer header": { make: (d) => d(URL_SAFE, 48), places: [(s) => `headers: { Authorization: "Bearer ${s}" }`] },
  "basic header": { make: (d) => `${d(BASE64, 30)}==`, places: [(s) => `"Authorization: Basic ${s}"`] },
  "random api key": { make: (d) => d(ALNUM, 40), places: [(s) => `api_key = "${s}"`, (s) => `client("${s}")`] },
};

/** Places that say nothing about what stands in them. */
const NEUTRAL: readonly ((secret: string) => string)[] = [
  (s) => `const value = "${s}";\n`,
  (s) => `    client = Client('${s}')\n`,
  (s) => `  "setting": "${s}",\n`,
  (s) => `VALUE=${s}\n`,
  (s) => `# use ${s} for now\n`,
];

/** `n` secrets, the kinds and their places in turn. */
export function plantSecrets(n: number, random: Random): PlantedSecret[] {
  const draw: Draw = (alphabet, length) =>
    Array.from({ length }, () => alphabet[Math.floor(random() * alphabet.length)]).join("");
  const kinds = Object.entries(KINDS);
  return Array.from({ length: n }, (_, i) => {
    const [kind, { make, places = NEUTRAL }] = kinds[i % kinds.length]!;
    const secret = make(draw);
    const round = Math.floor(i / kinds.length);
    return { kind, secret, text: places[(round + i) % places.length]!(secret) };
  });
}

export const N_KINDS = Object.keys(KINDS).length;
