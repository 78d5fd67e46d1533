import { config } from "zod";

// zod compiles its parsers with `new Function` where it can; under the page's content security policy
// even the attempt is reported as a violation. Imported before any schema is made.
config({ jitless: true });
