"""Deploy, chat and destroy on this machine."""
