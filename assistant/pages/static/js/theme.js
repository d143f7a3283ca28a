// Blocking on purpose: sets the theme before the first paint. Everything else is in modules.
(() => {
  try {
    const theme = localStorage.getItem("cloister.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // storage is forbidden in this browser: the system's theme is used
  }
})();
