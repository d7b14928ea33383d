// Searches a built site with the search program that it has, as a browser would run it.
// node search.js SITE WORD… prints for each word a JSON list of the places that were found, best first.
const fs = require('fs');
const path = require('path');
const vm = require('vm');

const [site, ...words] = process.argv.slice(2);
const folder = path.join(site, 'assets/javascripts/workers');
const program = fs.readdirSync(folder).find((name) => /^search\..*\.js$/.test(name));
const SETUP = 0;
const QUERY = 2;
const RESULT = 3;

// What a worker finds around it.
const listeners = [];
const address = `http://site/assets/javascripts/workers/${program}`;
const worker = vm.createContext({
  console, setTimeout, clearTimeout, URL, location: { href: address },
  addEventListener: (kind, listener) => kind === 'message' && listeners.push(listener),
  postMessage: (message) => {
    if (message.type === RESULT) {
      console.log(JSON.stringify(message.data.items.map((pages) => pages[0].location)));
    }
  },
  importScripts: (...places) => places.forEach((place) => run(path.join(site, new URL(place, address).pathname))),
});
worker.self = worker;

function run(file) {
  vm.runInContext(fs.readFileSync(file, 'utf8'), worker, { filename: file });
}

async function tell(type, data) {
  for (const listener of listeners) await listener({ data: { type, data } });
}

(async () => {
  run(path.join(folder, program));
  const index = JSON.parse(fs.readFileSync(path.join(site, 'search/search_index.json'), 'utf8'));
  await tell(SETUP, { ...index, options: { suggest: true } });
  for (const word of words) await tell(QUERY, word);
})();
