/**
 * Distribution function of the standard normal: Abramowitz and Stegun 26.2.17, absolute error below 7.5e-8.
 */
export const normalCdf = (z: number): number => {
  if (z > 0) return 1 - normalCdf(-z);
  const t = 1 / (1 - 0.2316419 * z);
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  return density * t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
};

/**
 * Quantile of Student's t for `share` in (0.5, 1) and whole degrees of freedom, by bisection on the exact
 * finite series of its distribution function (Abramowitz and Stegun 26.7.3 and 26.7.4).
 */
export const studentQuantile = (share: number, degrees: number): number => {
  let low = 0;
  let high = 1;
  while (studentCdf(high, degrees) < share && high < 1e6) high *= 2;
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2;
    if (studentCdf(middle, degrees) < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
};

/** Beyond this many degrees of freedom t and the normal agree to three digits. */
const NORMAL_FROM_DEGREES = 400;

const studentCdf = (t: number, degrees: number): number => {
  if (degrees > NORMAL_FROM_DEGREES) return normalCdf(t);
  const angle = Math.atan(t / Math.sqrt(degrees));
  const cosine2 = Math.cos(angle) ** 2;
  const odd = degrees % 2 === 1;
  let term = odd ? Math.cos(angle) : 1;
  let sum = 0;
  for (let k = odd ? 1 : 0; k <= degrees - 2; k += 2) {
    sum += term;
    term *= (cosine2 * (k + 1)) / (k + 2);
  }
  const inside = odd ? (2 / Math.PI) * (angle + Math.sin(angle) * sum) : Math.sin(angle) * sum;
  return 0.5 + inside / 2;
};

/** Quantile of the standard normal for `share` in (0, 1), by bisection on {@link normalCdf}. */
export const normalQuantile = (share: number): number => {
  let [low, high] = [-10, 10];
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2;
    if (normalCdf(middle) < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
};
