// The libraries of the page are those of npm, unchanged.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";

const VENDOR = new URL("../../page/vendor/", import.meta.url);
const MODULES = `${process.env.BROWSER_TOOLS}/node_modules`;
const FOLDERS = { dompurify: "dist", "eventsource-parser": "dist", marked: "lib" };

test("the libraries of the page are those of npm, and the README has their versions", async () => {
  const readme = await readFile(new URL("README.md", VENDOR), "utf8");
  for (const [name, folder] of Object.entries(FOLDERS)) {
    const { version } = JSON.parse(await readFile(`${MODULES}/${name}/package.json`, "utf8"));
    assert.match(readme, new RegExp(`/package/${name}\\) \\| ${version.replaceAll(".", "\\.")} \\|`));
    const files = await readdir(new URL(name, VENDOR));
    assert.ok(files.includes("LICENSE"));
    for (const file of files) {
      const place = file.startsWith("LICENSE") ? file : `${folder}/${file}`;
      const original = await readFile(`${MODULES}/${name}/${place}`);
      assert.ok(original.equals(await readFile(new URL(`${name}/${file}`, VENDOR))), `${name}/${file} was changed`);
    }
  }
});
