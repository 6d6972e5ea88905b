/* tls_make - a certificate that nobody has signed but its own key, for who has no authority at hand. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include "io/tls_int.h"

#define SERIAL_BYTES	16
#define EARLY_S		3600L	/* for clients whose clocks are slow */
#define DAY_S		86400L
#define CN_MAX		64	/* bytes that X.509 allows */

/* Letters, digits and what else hosts' names and addresses are made of. */
static bool
is_name(const char *name)
{
	return name[0] != '\0' && strlen(name) < 256 && strspn(name,
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:*") == strlen(name);
}

/* One more of the names that the certificate is for. */
static int
add_name(GENERAL_NAMES *names, const char *text)
{
	ASN1_OCTET_STRING *address = a2i_IPADDRESS(text);
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *host;

	ERR_clear_error();	/* no address, most likely */
	if (name != NULL && address != NULL)
		GENERAL_NAME_set0_value(name, GEN_IPADD, address);
	else if (name != NULL && (host = ASN1_IA5STRING_new()) != NULL) {
		GENERAL_NAME_set0_value(name, GEN_DNS, host);
		if (ASN1_STRING_set(host, text, -1) != 1) {
			GENERAL_NAME_free(name);
			return -1;
		}
	} else {
		ASN1_OCTET_STRING_free(address);
		GENERAL_NAME_free(name);
		return -1;
	}
	if (sk_GENERAL_NAME_push(names, name) > 0)
		return 0;
	GENERAL_NAME_free(name);
	return -1;
}

static int
add_names(X509 *cert, const char *const *names, size_t n)
{
	GENERAL_NAMES *all = GENERAL_NAMES_new();
	int ret = all != NULL ? 0 : -1;

	for (size_t i = 0; i < n && ret == 0; i++)
		ret = add_name(all, names[i]);
	if (ret == 0 && X509_add1_ext_i2d(cert, NID_subject_alt_name, all, 0, X509V3_ADD_DEFAULT) != 1)
		ret = -1;
	GENERAL_NAMES_free(all);
	return ret;
}

static int
add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	int ret = extension != NULL && X509_add_ext(cert, extension, -1) == 1 ? 0 : -1;

	X509_EXTENSION_free(extension);
	return ret;
}

static int
set_serial(X509 *cert)
{
	unsigned char bytes[SERIAL_BYTES];
	BIGNUM *number;
	int ret = -1;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return -1;
	bytes[0] &= 0x7f;	/* it is a positive number, */
	bytes[0] |= 0x40;	/* and as long as it should be */
	if ((number = BN_bin2bn(bytes, sizeof(bytes), NULL)) != NULL &&
	    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL)
		ret = 0;
	BN_free(number);
	return ret;
}

/* Who it says it is, and signs for. */
static int
set_subject(X509 *cert, const char *name)
{
	X509_NAME *subject = X509_get_subject_name(cert);

	if (strlen(name) > CN_MAX)
		name = "coffer";	/* nobody reads it where there are other names */
	return X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8, (const unsigned char *)name, -1,
	    -1, 0) == 1 && X509_set_issuer_name(cert, subject) == 1 ? 0 : -1;
}

static X509 *
make(EVP_PKEY *key, const char *const *names, size_t n, unsigned days)
{
	X509 *cert = X509_new();

	if (cert != NULL && X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) == 0 &&
	    X509_gmtime_adj(X509_getm_notBefore(cert), -EARLY_S) != NULL &&
	    X509_gmtime_adj(X509_getm_notAfter(cert), (long)days * DAY_S) != NULL &&
	    set_subject(cert, names[0]) == 0 && X509_set_pubkey(cert, key) == 1 &&
	    add_names(cert, names, n) == 0 &&
	    add_extension(cert, NID_basic_constraints, "critical,CA:FALSE") == 0 &&
	    add_extension(cert, NID_key_usage, "critical,digitalSignature") == 0 &&
	    add_extension(cert, NID_ext_key_usage, "serverAuth") == 0 &&
	    X509_sign(cert, key, EVP_sha256()) > 0)
		return cert;
	X509_free(cert);
	return NULL;
}

/* The key and behind it the certificate. */
static char *
to_text(EVP_PKEY *key, X509 *cert, size_t *len)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *text = NULL, *at;

	if (out != NULL && PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) == 1 &&
	    PEM_write_bio_X509(out, cert) == 1 && (*len = (size_t)BIO_get_mem_data(out, &at)) > 0 &&
	    (text = malloc(*len)) != NULL)
		memcpy(text, at, *len);
	(void)BIO_free(out);
	return text;
}

char *
tls_make(const char *const *names, size_t n, unsigned days, size_t *len, char why[TLS_WHY])
{
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;
	char *text = NULL;

	for (size_t i = 0; i < n; i++)
		if (!is_name(names[i])) {
			(void)snprintf(why, TLS_WHY, "\"%.200s\" is neither a host's name nor an address", names[i]);
			return NULL;
		}
	if ((key = EVP_EC_gen("P-256")) != NULL && (cert = make(key, names, n, days)) != NULL)
		text = to_text(key, cert, len);
	if (text == NULL)
		(void)tls_error(why);
	X509_free(cert);
	EVP_PKEY_free(key);
	return text;
}
