// Everything that the page of a session does by itself. What is saved, sent and shown is the server's business.

import "./composer.js";
import "../copy.js";
import "./code_copies.js";
import "./download.js";
import "./variables.js";
import "./views.js"; // before the settings: a press on Chat or Code leaves nothing
import "./settings.js";
