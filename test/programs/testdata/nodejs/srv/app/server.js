'use strict';
const cluster = require('node:cluster');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const { Worker, isMainThread, parentPort } = require('node:worker_threads');

if (!isMainThread) {
  parentPort.on('message', (n) => parentPort.postMessage([...Array(n).keys()].reduce((a, b) => a + b, 0)));
} else if (cluster.isPrimary) {
  fs.writeFileSync(path.join(os.tmpdir(), 'server.pid'), String(process.pid));
  for (let i = 0; i < 2; i++) cluster.fork();
  cluster.on('exit', (w) => console.log(`worker ${w.process.pid} ended`));
  process.on('SIGTERM', () => process.exit(0));
} else {
  const adder = new Worker(__filename);
  const app = http.createServer((req, res) => {
    adder.once('message', (sum) => {
      res.setHeader('Content-Type', 'application/json');
      res.end(JSON.stringify({ url: req.url, host: os.hostname(), cpus: os.cpus().length, sum }));
    });
    adder.postMessage(1000);
  });
  app.listen(Number(process.env.PORT || 3000), () => console.log('listening'));
}
