import { InvalidArgumentError } from "commander";

/** An argument that is a whole number between two others. */
const wholeNumber =
  (least: number, most: number, what: string) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isInteger(value) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It has to be ${what}.`);
  };

/** Rows of a list. */
export const rows = wholeNumber(1, 500, "a number from 1 to 500");
export const integer = wholeNumber(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, "a whole number");
export const portNumber = wholeNumber(0, 65_535, "a number from 0 to 65535");

/** A part of a whole, of which at most half may be meant. */
export function share(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value <= 0.5) return value;
  throw new InvalidArgumentError("It has to be a number from 0 to 0.5.");
}
