" SPDX-License-Identifier: ISC
au BufNewFile,BufRead .relayrc,relayrc,relayrc.* setfiletype relayrc
