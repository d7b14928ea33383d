"""The guides of docs/integrations: their code blocks are the tests (`scripts/test-integrations`), and their Dutch and
Finnish come from one source (`scripts/translate-guides`). docs/guides.md says how a page is written.

- `pages`: a page, read: blocks, how each is run, what is expected of the mail
- `languages`: how the blocks of a language or of a page are run; the table is in `runners/`
- `place`: a private network in which the guides' own host name and ports are the test's
- `node`: a node to send to, and what arrived
- `stripper`: a man in the middle who takes STARTTLS away
- `arrival`: a message that arrived against what a page says
- `cases`: what every page must do and refuse
- `main`: the command line
- `translation`: pages in other languages
"""
