import { behaviour, CALL, UP, UP_LINES, type Behaviour } from "./behaviour.ts";

/** Accepts of the whole suggestion, with the traps around them. */
export const ACCEPTS: readonly Behaviour[] = [
  behaviour("Tab", `${UP} press Tab`, "accepted", { leaves: `a = 1\nvalue = ${CALL}\nb = 2\n` }),
  behaviour("Tab after it was read", `${UP} seen 900\n press Tab`, "accepted read"),
  behaviour("Tab as soon as it is up", `type "value = "\n shown\n press Tab`, "accepted"),
  behaviour("Tab after 10 s is one accept (Continue)", `${UP} seen 10500\n press Tab`, "accepted read"),
  behaviour("Accept by the editor's command", `${UP} command editor.action.inlineSuggest.commit`, "accepted"),
  behaviour("Accept in the toolbar", `${UP} hover\n toolbar Accept`, "accepted"),
  behaviour("Tab after typing along", `${UP} type "alp"\n press Tab`, "accepted"),
  behaviour("Tab after typing along slowly", `${UP} type "alp"\n settle\n type "ha"\n settle\n press Tab`, "accepted"),
  behaviour(
    "Tab after typing into a bracket that the editor closes",
    `${UP} type "alpha("\n settle\n press Tab`,
    "accepted",
    {
      leaves: `a = 1\nvalue = ${CALL}\nb = 2\n`,
    },
  ),
  behaviour("Tab after a step back", `${UP} type "alp"\n press Backspace\n settle\n press Tab`, "accepted"),
  behaviour("Tab, then the cursor moves (Cody 7483)", `${UP} press Tab\n press ArrowUp\n press Home`, "accepted"),
  behaviour("Tab, then typing goes on", `${UP} press Tab\n type "  # done"`, "accepted"),
  behaviour("Tab, then the text is deleted by hand", `${UP} press Tab\n press Shift+Home\n press Delete`, "accepted"),
  behaviour("Tab of several lines", `${UP_LINES} press Tab`, "accepted"),
  behaviour("Tab in a file with CRLF", `${UP_LINES} press Tab`, "accepted", { text: "a = 1\r\n|\r\nb = 2\r\n" }),
  behaviour("Tab with three cursors", `${UP} press Tab`, "accepted", {
    text: "a = 1\n|\n|\n|\n",
    leaves: `a = 1\nvalue = ${CALL}\nvalue = ${CALL}\nvalue = ${CALL}\n`,
  }),
  behaviour("Tab after an edit above", `${UP} insert 0 "# new\\n"\n settle\n press Tab`, "accepted"),
  behaviour("Tab after an edit below", `${UP} insert 2 "# new\\n"\n settle\n press Tab`, "accepted"),
  behaviour("Tab after Save", `${UP} press Control+s\n settle\n press Tab`, "accepted"),
  behaviour("Tab after a hover and Alt+]", `${UP} hover\n press Alt+]\n settle\n press Tab`, "accepted"),
  behaviour(
    "Tab after the editor was asked again",
    `${UP} command editor.action.inlineSuggest.trigger\n settle\n press Tab`,
    "accepted",
  ),
  behaviour(
    "Two suggestions, one after the other",
    `${UP} press Tab\n press Enter\n type "total = "\n shown\n seen 100\n press Tab`,
    "accepted; accepted",
  ),
  behaviour("Tab in an untitled document", `${UP} press Tab`, "accepted", { place: "untitled" }),
  behaviour("Tab in a cell of a notebook", `${UP} press Tab`, "accepted", { place: "notebook" }),
  behaviour("Tab with the same file in another editor beside", `${UP} press Tab`, "accepted", { place: "beside" }),
  behaviour("Undo of the accept", `${UP} press Tab\n settle\n press Control+z`, "accepted undone"),
  behaviour(
    "Undo and redo of the accept",
    `${UP} press Tab\n settle\n press Control+z\n shown\n seen 100\n press Control+y`,
    "accepted undone redone; ignored",
  ),
  behaviour(
    "Undo of what was typed after the accept",
    `${UP} press Tab\n settle\n type "x"\n press Control+z`,
    "accepted",
  ),
];

/** Accepts by the word and by the line: the editor runs no command for them. */
export const PARTIAL_ACCEPTS: readonly Behaviour[] = [
  behaviour("One word", `${UP} press Control+ArrowRight\n part\n ignored: press Home`, "partially-accepted:5"),
  behaviour(
    "Two words",
    `${UP} press Control+ArrowRight\n part\n press Control+ArrowRight\n part\n ignored: press Home`,
    "partially-accepted:6",
  ),
  behaviour(
    "Two words in one breath",
    `${UP} press Control+ArrowRight\n press Control+ArrowRight\n part\n settle\n ignored: press Home`,
    "partially-accepted:6",
  ),
  behaviour(
    "A word by Kept's own command",
    `${UP} command kept.acceptNextWord\n part\n ignored: press Home`,
    "partially-accepted:5",
  ),
  behaviour(
    "A word in the toolbar",
    `${UP} hover\n toolbar Accept Word\n part\n ignored: press Home`,
    "partially-accepted:5",
  ),
  behaviour(
    "One line",
    `${UP_LINES} press Control+Alt+ArrowRight\n part\n ignored: press Home`,
    "partially-accepted:10",
  ),
  behaviour(
    "Two lines",
    `${UP_LINES} press Control+Alt+ArrowRight\n part\n press Control+Alt+ArrowRight\n part\n ignored: press Home`,
    "partially-accepted",
  ),
  behaviour(
    "Words until the end are an accept",
    `${UP}${` press Control+ArrowRight\n settle\n`.repeat(7)}`,
    "accepted",
  ),
  behaviour("A word, then Tab", `${UP} press Control+ArrowRight\n part\n press Tab`, "accepted"),
  behaviour("A word, then Escape", `${UP} press Control+ArrowRight\n part\n press Escape`, "partially-accepted:5"),
  behaviour(
    "A word, then something else",
    `${UP} press Control+ArrowRight\n part\n typed-over: type "x"`,
    "partially-accepted:5",
  ),
  behaviour(
    "A word, then Enter",
    `${UP} press Control+ArrowRight\n part\n ignored: press Enter`,
    "partially-accepted:5",
  ),
  behaviour(
    "A word, then the cursor moves at once",
    `${UP} press Control+ArrowRight\n ignored: press Home`,
    "partially-accepted:5",
  ),
  behaviour(
    "Typed along, then a word",
    `${UP} type "al"\n press Control+ArrowRight\n part\n ignored: press Home`,
    "partially-accepted:3",
  ),
  behaviour(
    "A word, then the rest is typed",
    `${UP} press Control+ArrowRight\n part\n typed-through: type "(beta, gamma)"`,
    "partially-accepted:5",
  ),
  behaviour(
    "A word with three cursors",
    `${UP} press Control+ArrowRight\n part\n ignored: press Home`,
    "partially-accepted:5",
    { text: "a = 1\n|\n|\n|\n" },
  ),
  behaviour(
    "Undo of a word",
    `${UP} press Control+ArrowRight\n part\n settle\n press Control+z\n settle\n ignored: press Home`,
    "partially-accepted:5 undone",
  ),
];
