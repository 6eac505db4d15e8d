# Turn a text file into a C string: cmake -DFROM=page.css -DTO=page_css.c -DNAME=symbol -P embed.cmake
file(READ ${FROM} hex HEX)
string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${hex}")
file(WRITE ${TO} "extern const char ${NAME}[];\nconst char ${NAME}[] = {${bytes}0};\n")
