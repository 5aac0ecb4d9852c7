"""The command line: one file a command. It knows ghostload; ghostload never knows it."""
