"""Networks: small files that change a checkpoint's weights — LoRA and its relatives.

`file` reads one, `keys` takes its tensors' names apart, `names` finds the modules of a loaded model by them, `formulas`
says what each kind adds, `patches` puts it on and takes it off, `applied` does so for the tags of a prompt.
"""
