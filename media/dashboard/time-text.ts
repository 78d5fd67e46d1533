import { html, type TemplateResult } from "lit";
import { visibleString } from "./visible-text.ts";

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "long" });
const absolute = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

const STEPS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** "3 minutes ago": the distance of `atMs` from `nowMs`, both milliseconds since 1970. */
export function relativeTime(atMs: number, nowMs: number): string {
  const seconds = Math.round((atMs - nowMs) / 1_000);
  if (Math.abs(seconds) < 10) return "just now";
  for (const [unit, size] of STEPS)
    if (Math.abs(seconds) >= size) return relative.format(Math.round(seconds / size), unit);
  return relative.format(seconds, "second");
}

/** Date and time in this machine's time zone. */
export function absoluteTime(atMs: number): string {
  return absolute.format(atMs);
}

/** A length of time to two units: "2 min 5 s", "340 ms". */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return ms < 10_000 ? `${(ms / 1_000).toFixed(1)} s` : `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  const days = Math.floor(hours / 24);
  return hours % 24 === 0 ? `${days} d` : `${days} d ${hours % 24} h`;
}

/** Both forms of an ISO time: the relative one in the text, the absolute one on hover and in print. */
export function timeText(iso: string, nowMs: number): TemplateResult {
  const atMs = Date.parse(iso);
  if (Number.isNaN(atMs)) return html`${visibleString(iso)}`;
  return html`<time datetime=${iso} title=${absoluteTime(atMs)} data-absolute=${absoluteTime(atMs)}
    >${relativeTime(atMs, nowMs)}</time
  >`;
}
