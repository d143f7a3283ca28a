// After a decision the next item opens by itself. Nothing may be decided on it by a key or a click that was
// meant for the one before: it must have been on screen for some seconds, and its reader must have turned to it.
import { t } from "./i18n.js";

const STORED = "cloister.arrived";
const UNSEEN_SECONDS = 3;
const BUTTON_SECONDS = 1;
const SETTLED_SECONDS = 8; // no key that comes later was meant for the item before

/** The next page is opened by a decision and not by a person. */
export function rememberArrival(id) {
  sessionStorage.setItem(STORED, id);
}

function hasArrived() {
  const arrived = location.pathname.endsWith(`/${sessionStorage.getItem(STORED)}`);
  sessionStorage.removeItem(STORED);
  return arrived;
}

/**
 * Answers `armed(act)`: a key handler that acts at once on an item that was opened on purpose. On one that came
 * by itself the first key press turns to `pane` and says so in `hint`; one after that acts, when the item has
 * been on screen long enough. So does the first one when it comes late. `buttons` cannot be clicked in the first second.
 */
export function armedBy({ buttons, pane, hint }) {
  const came = hasArrived();
  let turnedTo = !came;
  let seenSince = null;
  const see = () => { seenSince = document.hidden ? null : performance.now(); };
  see();
  document.addEventListener("visibilitychange", see);
  if (came) {
    pane.addEventListener("focusin", () => { turnedTo = true; });
    pane.addEventListener("pointerdown", () => { turnedTo = true; });
    for (const event of ["click", "input"]) document.addEventListener(event, () => { hint.hidden = true; });
    const fresh = buttons.map((id) => document.getElementById(id));
    for (const button of fresh) button.disabled = true;
    setTimeout(() => { for (const button of fresh) button.disabled = false; }, BUTTON_SECONDS * 1000);
  }
  const onScreen = (seconds) => seenSince !== null && performance.now() - seenSince >= seconds * 1000;
  const armed = () => !came || onScreen(turnedTo ? UNSEEN_SECONDS : SETTLED_SECONDS);
  return (act) => (event) => {
    if (event.repeat) return;
    if (armed()) { hint.hidden = true; act(); return; }
    hint.textContent = t("This is the next item. Read it first, then press {key} again.", { key: event.key.toUpperCase() });
    hint.hidden = false;
    pane.focus();
  };
}
