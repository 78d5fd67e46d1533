import { AppError } from "../../errors.ts";
import { CORRECTED, REASON, SUGGESTION, VERDICT } from "./tasks.ts";

/** The labelling interface unless a model's folder has one of its own: a suggestion in its context, and what was said of it. */
export const LABELING = `<View>
  <Header value="$path, $language, $outcome" size="5"/>
  <Text name="prefix" value="$prefix" granularity="paragraph"/>
  <Header value="Suggested here" size="5"/>
  <View style="border-left: 4px solid #4a7; padding-left: 8px">
    <Text name="${SUGGESTION}" value="$${SUGGESTION}" granularity="paragraph"/>
  </View>
  <Header value="What the developer wrote instead" size="5"/>
  <Text name="written" value="$written" granularity="paragraph"/>
  <Text name="suffix" value="$suffix" granularity="paragraph"/>
  <Header value="$why" size="6"/>
  <Choices name="${VERDICT}" toName="${SUGGESTION}" choice="single" required="true" showInline="true">
    <Choice value="good" hotkey="g"/>
    <Choice value="bad" hotkey="b"/>
  </Choices>
  <Choices name="${REASON}" toName="${SUGGESTION}" choice="single" showInline="true" visibleWhen="choice-selected" whenTagName="${VERDICT}" whenChoiceValue="bad">
    <Choice value="wrong"/>
    <Choice value="insecure"/>
    <Choice value="style"/>
    <Choice value="outdated-api"/>
    <Choice value="too-long"/>
    <Choice value="other"/>
  </Choices>
  <TextArea name="${CORRECTED}" toName="${SUGGESTION}" rows="4" editable="true" maxSubmissions="1" placeholder="What should stand there, if you know"/>
</View>
`;

export const INSTRUCTION =
  "Would you want this code at this place? Good or bad, and for a bad one why; correct it when you can. The code around it is shown as the model saw it.";

/** Refuses an interface whose answers nobody could read. @throws AppError `config-invalid` */
export function checkedLabeling(xml: string, file: string): string {
  for (const name of [SUGGESTION, VERDICT]) {
    if (new RegExp(`\\bname=["']${name}["']`).test(xml)) continue;
    throw new AppError("config-invalid", `${file}: there is no tag with the name "${name}".`, {
      hint: `Answers are read from the controls ${VERDICT}, ${REASON} and ${CORRECTED} of the object ${SUGGESTION}.`,
    });
  }
  return xml;
}
