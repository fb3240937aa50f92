// The chat in a real browser: `.ci/browser` runs this. One process, so that there is one
// browser, and one test at a time.

import "./browser/vendor.test.mjs";
import "./browser/answers.test.mjs";
import "./browser/resume.test.mjs";
import "./browser/tasks.test.mjs";
import "./browser/look.test.mjs";
import "./browser/hook.test.mjs";
import "./browser/conformance.test.mjs";
