"""What tests of several kinds share: a running gateway, a simulator, raw clients."""
