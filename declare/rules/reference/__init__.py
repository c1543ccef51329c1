"""Rules on settings that lead nowhere."""
