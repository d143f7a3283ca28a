// What an officer has typed about an item stays in this tab until it was used: a lost race loses no words.

const PREFIX = "cloister.typed.";
const keyOf = (item, name) => `${PREFIX}${item}.${name}`;

export const typed = (item, name) => sessionStorage.getItem(keyOf(item, name)) ?? "";

/** Keeps the text of a control as it is typed, from what was kept before on. `onType` is called at the first key. */
export function keepTyped(control, item, name, onType = () => {}) {
  if (!control.value) control.value = typed(item, name);
  let begun = false;
  control.addEventListener("input", () => {
    sessionStorage.setItem(keyOf(item, name), control.value);
    if (!begun) { begun = true; onType(); }
  });
  return control;
}

export const hasTyped = (item) => Object.keys(sessionStorage).some((key) => key.startsWith(keyOf(item, "")));

export function forgetTyped(item, name) {
  sessionStorage.removeItem(keyOf(item, name));
}

export function forgetAllTyped(item) {
  for (const key of Object.keys(sessionStorage)) if (key.startsWith(keyOf(item, ""))) sessionStorage.removeItem(key);
}
