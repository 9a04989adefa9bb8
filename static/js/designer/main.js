// Everything that the page of the designer runs. What is lazy is loaded by those who need it.

import "../connection.js";
import "../revisions.js";
import "./chart.js";
import "./merge.js";
import "./outline.js";
import "./zoom.js";
import "./numbers.js";
import "./new_connection.js";
import "./chips.js";
import "./big_editor.js";
import "./schema_form.js";
import "./run.js";
import "./bottom.js";
import "./follow.js";
import "../runs/clock.js";
import "../runs/chosen_file.js";
import "../runs/tree.js";
import "../copy.js";
import "./condition_rows.js";
