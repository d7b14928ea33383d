// One message by Nodemailer: MODE (implicit or starttls), PORT, CAFILE.
const fs = require('fs');
const nodemailer = require('nodemailer');
const [mode, port, authorities] = process.argv.slice(2);

const transport = nodemailer.createTransport({
  host: 'localhost',
  port: Number(port),
  secure: mode === 'implicit',
  requireTLS: true,
  tls: { ca: fs.readFileSync(authorities) },
  auth: { user: 'user@example.org', pass: 'secret' },
});

transport
  .sendMail({
    from: 'user@example.org',
    to: 'b@example.net',
    subject: 'nodemailer ü',
    text: '.leading dot\n\nü text\n.\n',
    dsn: { id: 'an id', return: 'headers', notify: ['failure', 'delay'], recipient: 'b@example.net' },
  })
  .then((sent) => {
    if (!/queued as/.test(sent.response)) throw new Error(sent.response);
    console.log('done');
    transport.close();
  })
  .catch((error) => {
    console.error(error);
    process.exit(1);
  });
