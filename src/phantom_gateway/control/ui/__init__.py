"""The Admin UI as control serves it: the files its build has made, and the headers they travel with."""
