"""Add-ons in any process: found by name, loaded as `webui_ext.NAME`, watched."""
