/** A file in which even the base model sees what comes. */
export const POINT = `export interface Point {
  x: number;
  y: number;
}

export function addPoint(a: Point, b: Point): Point {
  return { x: a.x + b.x, y: a.y + b.y };
}

export function subtractPoint(a: Point, b: Point): Point {

}

export function multiplyPoint(a: Point, b: Point): Point {

}

export function dividePoint(a: Point, b: Point): Point {

}
`;
