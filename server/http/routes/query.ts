import { z } from "zod";

/** Rows of a page. */
const MAX_PAGE_ROWS = 500;
const DEFAULT_PAGE_ROWS = 50;

export const limitParameter = z.coerce.number().int().min(1).max(MAX_PAGE_ROWS).default(DEFAULT_PAGE_ROWS);
export const cursorParameter = z.coerce.number().int().positive().nullable().default(null);
