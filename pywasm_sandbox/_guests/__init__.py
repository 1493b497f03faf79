"""The languages: how a guest is booted, asked and listened to. The code that runs inside lies in subfolders."""
