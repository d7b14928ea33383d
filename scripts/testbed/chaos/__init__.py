"""Faults against a whole cluster under load, and the ledger that tells whether anything was lost: `scripts/chaos`.

- `source`, `sink`: the two ends of the mail; both write down all that happens to them
- `ledger`: what they wrote; `checker`: what must hold of it
- `run`: one scenario from start to verdict; `scenarios`: the faults by name
"""
