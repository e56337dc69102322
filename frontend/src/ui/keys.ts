/**
 * True while an input method composes: then Enter takes a candidate and Esc leaves it, and neither is meant for us.
 *
 * Safari ends the composition before it tells of the key that ended it; the old key code 229 is all that is left then.
 */
export function isComposing(event: { isComposing: boolean; keyCode: number }): boolean {
  return event.isComposing || event.keyCode === 229;
}
