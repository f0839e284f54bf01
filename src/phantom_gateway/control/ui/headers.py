"""Headers of everything the Admin UI consists of. Source: OWASP ASVS 5.0, 3.2 and 3.4."""

from __future__ import annotations

from phantom_gateway.control.ui.files import Asset

_RULES = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
)
POLICY = "; ".join(_RULES)
"""Nothing inline, nothing evaluated, nothing from elsewhere; no page frames it and no text becomes markup."""
_FOREVER = "public, max-age=31536000, immutable"
_YEAR = "max-age=31536000"


def headers_of(asset: Asset, *, tls: bool, compressed: bool) -> dict[str, str]:
    """The headers ``asset`` is sent with; ``tls`` when the browser speaks TLS to us, ``compressed`` when the body is."""
    found = {
        "content-type": asset.content_type,
        "cache-control": _FOREVER if asset.kept else "no-store",
        "content-security-policy": POLICY,
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "referrer-policy": "no-referrer",
        "vary": "accept-encoding",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }
    if compressed:
        found["content-encoding"] = "gzip"
    if tls:
        found["strict-transport-security"] = _YEAR
    return found
