import type { FolderToFollow, FollowedFolder, Following, SurvivalNews } from "../following.ts";

/** A call of a followed folder. */
export type FolderCall = CallOf<Omit<FollowedFolder, "repository">>;

/** A call about logs that are not open. */
export type LogCall = CallOf<Pick<Following, "namesIn" | "forgetIn">>;

type CallOf<T> = {
  [M in keyof T]: T[M] extends (...args: infer A) => unknown ? { readonly method: M; readonly args: A } : never;
}[keyof T];

/** What the editor's thread sends. Every `id` is answered once, but for those of replies. */
export type ToThread =
  | { readonly kind: "open"; readonly id: number; readonly folder: number; readonly wanted: FolderToFollow }
  | { readonly kind: "folder"; readonly id: number; readonly folder: number; readonly call: FolderCall }
  | { readonly kind: "log"; readonly id: number; readonly call: LogCall }
  | { readonly kind: "close"; readonly id: number }
  /** To a question of the tracker's thread. */
  | { readonly kind: "reply"; readonly id: number; readonly value: string | null };

/** What the tracker's thread sends. */
export type FromThread =
  | { readonly kind: "answer"; readonly id: number; readonly value: unknown }
  | { readonly kind: "refusal"; readonly id: number; readonly message: string }
  | { readonly kind: "ask"; readonly id: number; readonly folder: number; readonly file: string }
  /** The next news follow when these have their reply. */
  | { readonly kind: "changed"; readonly id: number; readonly folder: number; readonly news: readonly SurvivalNews[] }
  | { readonly kind: "failed"; readonly folder: number; readonly message: string };
