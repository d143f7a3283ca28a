// The sign-in page.
import { offerThemes } from "./theme_choice.js";

offerThemes();
