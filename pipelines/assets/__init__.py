"""Assets: what lies in the models folder beside the checkpoints — LoRA, embeddings, VAE, ControlNet — told by headers.

`folders` finds the files, `described` tells what one of them is, `beside` reads what people and other programs put next
to it (preview, notes), `library` holds what was found.
"""
