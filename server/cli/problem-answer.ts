/** A request that the server answered with a problem. */
export class ProblemAnswer extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = "ProblemAnswer";
    this.status = status;
    this.code = code;
  }
}
