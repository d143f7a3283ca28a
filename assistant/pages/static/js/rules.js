// The page of rules: the policy with accepted changes can be copied.
import { copyText } from "./clipboard.js";
import { t } from "./i18n.js";
import { toast } from "./toast.js";

const button = document.getElementById("copy-proposal");
if (button) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await copyText(document.getElementById("proposal").textContent);
      toast(t("Copied"));
    } catch {
      toast(t("Your browser does not allow copying here. Select the text and copy it yourself."));
    }
  });
}
