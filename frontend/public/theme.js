// Before the first paint, so that a dark page never flashes white. A file of its own: the policy forbids inline scripts.
try {
  const chosen = localStorage.getItem("custard.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage may be switched off; the system's theme holds then.
}
