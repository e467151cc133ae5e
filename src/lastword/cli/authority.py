"""A CA of X.509 certificates (RFC 5280) with keys on P-256. It needs the package cryptography."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lastword.errors import ConfigError

BACKDATED: Final = timedelta(hours=1)
"""Clocks of nodes that are behind by less believe a new certificate at once."""

NAME_CHARS_MAX: Final = 64
"""Of a common name (RFC 5280, appendix A.1)."""


class Authority:
    """A CA: its certificate and its key."""

    def __init__(self, cert: x509.Certificate, key: ec.EllipticCurvePrivateKey, now: datetime):
        self._cert = cert
        self._key = key
        self._now = now

    @classmethod
    def make(cls, now_us: int, valid: timedelta) -> "Authority":
        """Make a CA that signs certificates of hosts, and of no other CA."""
        now, key = _time(now_us), ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lastword trial CA")])
        builder = _begun(name, name, key.public_key(), now, valid)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        builder = builder.add_extension(_usage(signs_certificates=True), True)
        return cls(builder.sign(key, hashes.SHA256()), key, now)

    @classmethod
    def load(cls, cert_pem: bytes, key_pem: bytes, now_us: int, shown: str) -> "Authority":
        """Return a CA that was made before; raise ConfigError where it is none that signs."""
        try:
            cert = x509.load_pem_x509_certificate(cert_pem)
            key = serialization.load_pem_private_key(key_pem, None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise ConfigError(f"{shown} and its key are no CA") from None
        public = cert.public_key()
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != public:
            raise ConfigError(f"{shown} and its key do not belong together")
        return cls(cert, key, _time(now_us))

    def certify(self, names: list[str], valid: timedelta) -> tuple[bytes, bytes]:
        """Return a certificate for a host of these names and IP addresses, and its key, as PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:NAME_CHARS_MAX])])
        until = min(valid, self._cert.not_valid_after_utc - self._now)
        builder = _begun(subject, self._cert.subject, key.public_key(), self._now, until)
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        for extension, critical in (
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (_usage(signs_certificates=False), True),
            (x509.ExtendedKeyUsage(usages), False),
            (x509.SubjectAlternativeName([_general(name) for name in names]), False),
            (issuer, False),
        ):
            builder = builder.add_extension(extension, critical)
        cert = builder.sign(self._key, hashes.SHA256())
        return cert.public_bytes(serialization.Encoding.PEM), _pem(key)

    def cert_pem(self) -> bytes:
        """Return the CA's certificate."""
        return self._cert.public_bytes(serialization.Encoding.PEM)

    def key_pem(self) -> bytes:
        """Return the CA's key, without a passphrase."""
        return _pem(self._key)


def _begun(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    now: datetime,
    valid: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + valid)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _time(wall_us: int) -> datetime:
    return datetime.fromtimestamp(wall_us / 1e6, UTC)
