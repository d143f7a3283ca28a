// The theme switch: the choice is kept in this browser.
const STORED = "cloister.theme";

export function offerThemes() {
  const choice = document.querySelector("[data-theme-choice]");
  if (!choice) return;
  const stored = localStorage.getItem(STORED) ?? "system";
  for (const radio of choice.querySelectorAll("input")) radio.checked = radio.value === stored;
  choice.addEventListener("change", (event) => {
    const theme = event.target.value;
    localStorage.setItem(STORED, theme);
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  });
}
