# Turn a text file into a C string: cmake -DFROM=page.html -DTO=page_html.c -DNAME=symbol -P embed.cmake
file(READ ${FROM} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
string(REGEX REPLACE "('.x..',('.x..',)('.x..',)('.x..',)('.x..',)('.x..',)('.x..',)('.x..',))" "\\1\n" bytes "${bytes}")
file(WRITE ${TO} "extern const char ${NAME}[];\nconst char ${NAME}[] = {\n${bytes}0};\n")
