def text(found): return "\n".join(f"{k}: {len(v[chr(114)+chr(111)+chr(119)+chr(115)])}" for k,v in found.items())
