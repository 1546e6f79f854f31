"""The command `assay`: one file a command; the composition root is `cli.compose`."""
