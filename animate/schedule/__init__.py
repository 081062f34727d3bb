"""The schedule language: from a text that people write to a table of values by frame.

    text ─ source ─> tree with lines ─ load ─> Schedule ─ compile ─> Plan
           json_marks    names, kinds, curve,     scope, keyframes,
           yaml_marks    texts, prompts, files    formula, seeds,
           importers                              prompts

`fields` is the one table of what can be written; the loader, its hints, the JSON Schema (`schema`), the page of fields
(`document`) and the importers read it. `clock` turns times in every unit into frames, `expression` decides what an
expression may say, `functions` and `easing` hold what it may call. A foreign format has one file in `importers`, and
nothing outside that folder knows that it exists, but for one dialect that people also write by hand: Deforum's strings,
in `deforum_string`.

Two promises shape this room. Everything wrong with a schedule is told at once, each mistake at its line and column,
before anything is rendered or written. And a schedule is data: whatever it says, reading it runs no code, opens no file
it does not name, and ends. So names and nodes are held against white lists, sizes and depths are bounded before work
begins, and chance comes from hashes of the seed, the same on every machine.

This room imports neither torch nor a model, so that `animate check` answers before one has looked up.
"""
