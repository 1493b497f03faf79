"""The languages: booting a guest, asking it, hearing it. The code that runs inside is in subfolders."""
