"""What a new component, rule or command starts from: files that pass every check but the tests of what they do."""
