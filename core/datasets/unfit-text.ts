import type { DatasetRow } from "../dataset-row.ts";

/**
 * Markers that families of models put prompts together from (engine/tokenizer/dialect.ts). Those that are also
 * ordinary code, as `</s>` and `[PREFIX]`, are left out: the tokenizer never reads them as markers.
 */
const SPECIAL_TOKEN =
  /<\|(?:endoftext|fim_(?:prefix|middle|suffix|pad)|repo_name|file_sep|im_start|im_end)\|>|<(?:fim_(?:prefix|middle|suffix|pad)|repo_name|file_sep)>|▁<(?:PRE|MID|SUF|EOT)>|<｜(?:fim▁(?:begin|hole|end)|(?:begin|end)▁of▁sentence)｜>/u;

/** What stands where a secret was (core/redaction): the kinds end alike. */
const SECRET_PLACEHOLDER =
  /<(?:secret|jwt|authorization|credentials|(?:[a-z\d]+-)+(?:token|key|secret|signature|webhook))>/;

/** Whether a model that reads the row could take a part of it for a marker. */
export const hasSpecialToken = ({ prefix, suffix, completion, examples }: DatasetRow): boolean =>
  [prefix, suffix, completion, ...examples.map(({ text }) => text)].some((text) => SPECIAL_TOKEN.test(text));

/** Whether a secret stood in what is to be learnt. Where one stood around it, the placeholder is right to be read. */
export const hadSecret = ({ completion }: DatasetRow): boolean => SECRET_PLACEHOLDER.test(completion);
