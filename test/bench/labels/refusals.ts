import { behaviour, CALL, UP, UP_LINES, type Behaviour } from "./behaviour.ts";

/** Typed through and typed over. */
export const TYPED: readonly Behaviour[] = [
  behaviour("Typed to the end (Cody 1204)", `${UP} typed-through: type "${CALL}"`, "typed-through"),
  behaviour("Typed to the end, and on", `${UP} typed-through: type "${CALL}  # x"`, "typed-through"),
  behaviour(
    "Typed to the end slowly",
    `${UP} type "alpha"\n settle\n type "(beta"\n settle\n typed-through: type ", gamma)"`,
    "typed-through",
  ),
  behaviour(
    "Typed with a step back to the end",
    `${UP} slip "alpx"\n typed-through: type "ha(beta, gamma)"`,
    "typed-through",
  ),
  behaviour(
    "Pasted as it stands",
    `press ArrowUp\n press Shift+End\n press Control+c\n press ArrowDown\n ${UP} typed-through: press Control+v`,
    "typed-through",
    {
      text: `${CALL}\n|\nb = 2\n`,
    },
  ),
  behaviour(
    "Typed along, step back, typed along",
    `${UP} type "alp"\n press Backspace\n typed-through: type "pha(beta, gamma)"`,
    "typed-through",
  ),
  behaviour("Typed over at once", `${UP} typed-over: type "other"`, "typed-over"),
  behaviour("Typed over after it was read", `${UP} seen 900\n typed-over: type "other"`, "typed-over read"),
  behaviour("Typed over by one character", `${UP} typed-over: type "7"\n gone`, "typed-over"),
  behaviour("Typed along, then over", `${UP} type "alph"\n typed-over: type "_other"`, "typed-over"),
  behaviour("Typed over with brackets", `${UP} typed-over: type "(1, 2)"`, "typed-over"),
  behaviour("Typed over with three cursors", `${UP} typed-over: type "other"`, "typed-over", {
    text: "a = 1\n|\n|\n|\n",
  }),
  behaviour("Other text pasted", `${UP} typed-over: paste "something(else)"`, "typed-over"),
  behaviour("Lines typed along", `${UP_LINES} type "alpha(1):"\n settle\n ignored: press Home`, "ignored"),
];

/** Rejected by Escape. */
export const REJECTED: readonly Behaviour[] = [
  behaviour("Escape", `${UP} press Escape\n gone`, "rejected"),
  behaviour("Escape after it was read", `${UP} seen 900\n press Escape`, "rejected read"),
  behaviour("Escape after typing along", `${UP} type "alp"\n settle\n press Escape`, "rejected"),
  behaviour("Escape after a step back", `${UP} type "alp"\n press Backspace\n settle\n press Escape`, "rejected"),
  behaviour("Escape twice", `${UP} press Escape\n press Escape`, "rejected"),
  behaviour("Escape, then typing", `${UP} press Escape\n type "other"`, "rejected"),
  behaviour("Escape with three cursors", `${UP} press Escape\n gone`, "rejected", { text: "a = 1\n|\n|\n|\n" }),
  behaviour("Escape of several lines", `${UP_LINES} press Escape`, "rejected"),
  behaviour("Escape in an untitled document", `${UP} press Escape`, "rejected", { place: "untitled" }),
  behaviour(
    "Escape, and it does not come back by itself",
    `${UP} press Escape\n gone\n type "x"\n press Backspace\n settle\n absent`,
    "rejected",
  ),
  behaviour(
    "Escape, and it comes back when asked for",
    `${UP} press Escape\n gone\n command editor.action.inlineSuggest.trigger\n shown\n seen 100\n press Tab`,
    "rejected; accepted",
  ),
  behaviour(
    "Escape, and it comes back in another line",
    `${UP} press Escape\n gone\n press Enter\n type "value = "\n shown\n seen 100\n press Tab`,
    "rejected; accepted",
  ),
];

/** Neither taken nor refused. */
export const IGNORED: readonly Behaviour[] = [
  behaviour("The cursor goes up", `${UP} ignored: press ArrowUp`, "ignored"),
  behaviour("The cursor goes up after it was read", `${UP} seen 900\n ignored: press ArrowUp`, "ignored read"),
  behaviour("The cursor goes left", `${UP} ignored: press ArrowLeft`, "ignored"),
  behaviour("The cursor goes to the line's beginning", `${UP} ignored: press Home`, "ignored"),
  behaviour("A click on another line", `${UP} ignored: clickLine 0`, "ignored"),
  behaviour("Select all", `${UP} ignored: press Control+a`, "ignored"),
  behaviour("Enter", `${UP} ignored: press Enter`, "ignored"),
  behaviour("Backspace", `${UP} ignored: press Backspace`, "ignored"),
  behaviour("A word deleted", `${UP} ignored: press Control+Backspace`, "ignored"),
  behaviour("Undo of the text before it", `${UP} ignored: press Control+z`, "ignored"),
  behaviour("Typed along, then the cursor moves", `${UP} type "alpha"\n ignored: press Home`, "ignored"),
  behaviour("Another file", `${UP} ignored: file`, "ignored"),
  behaviour("The file is closed", `${UP} ignored: command workbench.action.revertAndCloseActiveEditor`, "ignored"),
  behaviour("The side bar gets the focus", `${UP} ignored: command workbench.view.explorer\n gone`, "ignored"),
  behaviour(
    "Another text in its place",
    `${UP} superseded: insert 2 "total\\n"\n shown\n seen 100\n press Tab`,
    "superseded; accepted",
    {
      answers: [
        { after: "value = ", below: "total", text: "later(delta)" },
        { after: "value = ", text: CALL },
      ],
    },
  ),
  behaviour("Gone before anybody saw it", `type "value = other"\n settle`, ""),
];

/** The suggest widget opens while the suggestion is up. */
export const WIDGET: readonly Behaviour[] = [
  behaviour(
    "The widget is opened and closed, then Tab",
    `${UP} widget\n settle\n press Escape\n settle\n again\n press Tab`,
    "accepted",
  ),
  behaviour(
    "The widget is opened and closed, then Escape",
    `${UP} widget\n settle\n press Escape\n settle\n again\n press Escape`,
    "rejected",
  ),
  behaviour("An entry is chosen instead (Cody 1206)", `${UP} widget\n ignored: press Enter`, "ignored"),
  behaviour(
    "An entry that agrees is chosen, then Tab (Cody 1206)",
    `${UP} type "gam"\n widget\n settle\n press Enter\n settle\n again\n press Tab`,
    "accepted",
    {
      answers: [{ after: "value = ", text: "gamma_first(delta)" }],
    },
  ),
  behaviour(
    "An entry that agrees is chosen, then the cursor moves",
    `${UP} type "gam"\n widget\n settle\n press Enter\n settle\n ignored: press Home`,
    "ignored",
    {
      answers: [{ after: "value = ", text: "gamma_first(delta)" }],
    },
  ),
];

/** Another provider's suggestion: nothing of it is Kept's (git-ai). */
export const OTHERS: readonly Behaviour[] = [
  behaviour("Another provider's suggestion is accepted (git-ai)", `type "other = "\n ghost\n press Tab`, "", {
    leaves: "a = 1\nother = of_another_provider()\nb = 2\n",
  }),
  behaviour(
    "Another provider's word is accepted (git-ai)",
    `type "other = "\n ghost\n press Control+ArrowRight\n settle`,
    "",
  ),
  behaviour("Another provider's suggestion is rejected", `type "other = "\n ghost\n press Escape`, ""),
  behaviour(
    "Kept's is accepted, then another provider's",
    `${UP} press Tab\n press Enter\n type "other = "\n ghost\n press Tab`,
    "accepted",
  ),
];
