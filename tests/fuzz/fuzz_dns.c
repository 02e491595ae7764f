/* SPDX-License-Identifier: ISC */
/*
 * fuzz_dns: any bytes as an answer to a question for SRV records.  Only host names come out,
 * and putting them in order loses none.
 */
#include "fuzz.h"

#include "base/text.h"
#include "sys/net_state.h"

static void check_host(const char *host)
{
	size_t size = strlen(host);

	MUST(size > 0 && size <= 253 && host[0] != '.' && host[0] != '-');
	for (size_t i = 0; i < size; i++) {
		MUST(text_is_alpha(host[i]) || text_is_digit(host[i]) || strchr("-_.", host[i]));
		MUST(host[i] != '.' || (host[i + 1] && !strchr(".-", host[i + 1])));
	}
	const char *top = strrchr(host, '.');
	MUST(text_is_alpha(top ? top[1] : host[0]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct net_srv_list list;
	uint32_t random[NET_SRV_MAX] = { 0 };
	unsigned ports = 0, ordered_ports = 0;

	net_srv_parse(span_of(data, size), &list);
	MUST(list.count <= NET_SRV_MAX);
	memcpy(random, data, size < sizeof(random) ? size : sizeof(random));
	for (size_t i = 0; i < list.count; i++) {
		MUST(list.at[i].port >= 1 && list.at[i].port <= UINT16_MAX);
		check_host(list.at[i].host);
		ports += list.at[i].port;
	}
	net_srv_order(list.at, list.count, random);
	for (size_t i = 0; i < list.count; i++) {
		MUST(i == 0 || list.at[i - 1].priority <= list.at[i].priority);
		ordered_ports += list.at[i].port;
	}
	MUST(ports == ordered_ports);
	return 0;
}
