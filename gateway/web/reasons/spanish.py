"""The reasons in Spanish."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.web.reasons.shape import Around, Reason

_SEND = "Envíalo. Si funcionó, no recibes ningún aviso más. Si no, te llega un correo como el que te trajo aquí."
_REPLY_ALL = (
    "Abre el correo en la carpeta *Enviados* y elige *Responder a todos*. Así se mantienen las personas y el asunto."
)
_RIGHT_ADDRESS = "Pregunta a la persona que te dio la dirección cómo se escribe."
_AGAIN = "Pon la dirección correcta en Cc y envía el correo de nuevo."
_NOTHING = "No tienes que hacer nada: tu servidor de correo lo intenta de nuevo por sí solo."

REASONS: Mapping[str, Reason] = {
    "A1": Reason(
        "Este servidor no recibe correo para ese dominio.",
        "Enviaste un correo a {address} por un servidor que solo recibe correo para direcciones inteligentes, y esta "
        "no es una de ellas.",
        ("Revisa la parte que sigue al signo @.", _RIGHT_ADDRESS, _AGAIN),
        "el dominio no es nuestro",
        "{mail} se envió a un dominio que no es nuestro",
        "Revisa la parte de la dirección que sigue al signo @.",
    ),
    "A2": Reason(
        "Ningún equipo tiene esta dirección.",
        "Enviaste un correo a {address}. Nadie tiene ese nombre aquí: puede estar mal escrito, o quizá el equipo ya no "
        "existe.",
        ("Revisa cómo está escrita la parte anterior al signo @.", _RIGHT_ADDRESS, _AGAIN),
        "ninguna cuenta tiene ese nombre",
        "{mail} se envió a una cuenta que no existe",
        "Revisa cómo está escrita la parte de la dirección anterior al signo @.",
    ),
    "A3": Reason(
        "La terminación que sigue al signo más no existe.",
        "Enviaste un correo a {address}. Un equipo tiene tres direcciones: sin terminación, con +contact y con +lead.",
        (
            _REPLY_ALL,
            (
                "Pon la dirección en Cc: tal cual para archivar el correo, con +contact para añadir personas, con "
                "+lead para abrir un lead."
            ),
            _SEND,
        ),
        "la terminación no existe; +contact y +lead sí",
        "{mail} se envió a una terminación que no existe",
        "Pide que lo envíen de nuevo con una de tus tres direcciones en Cc.",
    ),
    "A4": Reason(
        "Esta dirección ha cambiado.",
        "Enviaste un correo a {address}. El equipo tiene ahora otro nombre, y con él cambiaron sus direcciones.",
        (
            "Pide al equipo al que escribes su nueva dirección.",
            "Cambia la antigua en tus contactos.",
            _SEND,
        ),
        "un nombre anterior de esta cuenta",
        "{mail} se envió a tu dirección anterior",
        "Dile a quien lo envió tu nueva dirección. La anterior sigue reservada para ti.",
    ),
    "A6": Reason(
        "Este correo va a varios equipos, uno tras otro.",
        "Cada equipo da su propia respuesta, por eso tu servidor de correo entrega el correo a {address} por separado "
        "en un momento.",
        (_NOTHING,),
        "otra cuenta va primero; el servidor de correo lo intenta de nuevo",
        "{mail} está otra vez en camino",
        "No hay que hacer nada: el servidor de correo de quien lo envió lo intenta de nuevo por sí solo.",
        once=True,
    ),
    "A8": Reason(
        "Este servidor de correo envió demasiado a la vez.",
        "Tu servidor de correo envió más correos, o más grandes, de los que recibimos. Un correo demasiado grande no "
        "se recibe; lo demás solo se retrasa.",
        (
            "Si el correo es demasiado grande, envíalo de nuevo con un enlace en lugar del archivo adjunto.",
            "En los demás casos espera: tu servidor de correo lo intenta de nuevo por sí solo.",
        ),
        "por encima de un límite",
        "{mail} superó un límite",
        "Si el correo es demasiado grande, pide un enlace en lugar del archivo adjunto.",
    ),
    "B1": Reason(
        "La dirección estaba en Bcc (Cco). Solo funciona en Cc.",
        "Enviaste un correo con {address} como copia oculta. Esa dirección archiva correo para un equipo, y solo "
        "cuando todas las personas del correo pueden verla.",
        (_REPLY_ALL, "Pon esta dirección en *Cc* y deja Cco vacío:", _SEND),
        "copia oculta: la dirección estaba en Bcc",
        "{mail} se envió como copia oculta",
        "Pide que lo envíen de nuevo con la dirección en Cc.",
        envelope="Bcc",
    ),
    "B1-to": Reason(
        "La dirección estaba en To (Para). Solo funciona en Cc.",
        "Enviaste un correo a {address}. Esa dirección archiva el correo entre tú y tu cliente, por eso va junto a "
        "ustedes, en Cc. Esto vale también para los correos reenviados.",
        (
            "Abre el correo en la carpeta *Enviados* y escríbelo a tu cliente.",
            "Pon esta dirección en *Cc*, no en Para:",
            _SEND,
        ),
        "la dirección estaba en To, no en Cc",
        "{mail} se envió a la dirección misma",
        "Pide que lo envíen de nuevo con la dirección en Cc. Esto vale también para los correos reenviados.",
        envelope="To",
    ),
    "B2": Reason(
        "Un aviso de un sistema de correo llegó a una dirección que no envía nada.",
        "Se envió un rebote o un aviso parecido a {address}. Una dirección inteligente nunca envía, así que ningún "
        "aviso es para ella.",
        (
            (
                "No tienes que hacer nada. Si administras el servidor de correo, busca quién falsifica esta dirección "
                "como remitente."
            ),
        ),
        "un rebote, y una dirección inteligente no envía nada",
        "{mail} es un rebote",
        "No hay que hacer nada: una dirección inteligente no envía nada, así que ningún rebote es para ella.",
    ),
    "B3": Reason(
        "Este correo da vueltas en círculo.",
        "De camino a {address} pasó por tantos servidores que uno de ellos debe de estar devolviéndolo.",
        ("Busca una regla de reenvío que vuelva a su propio comienzo.", "Quita esa regla y envía el correo de nuevo."),
        "da vueltas en círculo",
        "{mail} da vueltas en círculo",
        "Busca una regla de reenvío que vuelva a su propio comienzo.",
    ),
    "B4": Reason(
        "El encabezado de este correo no se puede leer.",
        "Tu programa de correo escribió la línea From, u otras líneas antes del texto, de una forma que no dice con "
        "certeza quién escribió el correo. Se envió a {address}.",
        ("Envíalo de nuevo desde un programa de correo habitual, con una sola dirección en From.",),
        "su encabezado está mal formado",
        "{mail} tiene un encabezado mal formado",
        "Pide que lo envíen de nuevo desde un programa de correo habitual. La respuesta de abajo dice qué está mal.",
    ),
    "B4a": Reason(
        "Tu servidor de correo terminó una línea de una forma que el correo no permite.",
        "Las líneas de un correo terminan con dos caracteres, retorno de carro y salto de línea. Faltaba uno de ellos.",
        ("Si administras el servidor de correo, actualízalo y envía el correo de nuevo.",),
        "una línea terminó de una forma no permitida",
        "{mail} incumplió las reglas del correo",
        "Hay que actualizar el servidor de correo de quien lo envió.",
    ),
    "B4b": Reason(
        "Este correo está construido de una forma que no leemos.",
        "Tiene más líneas de encabezado, direcciones o partes dentro de partes que cualquier correo habitual. Se envió "
        "a {address}.",
        ("Envíalo de nuevo como un correo nuevo y sencillo, con menos personas.",),
        "más allá de lo que leemos",
        "{mail} va más allá de lo que leemos",
        "Pide que lo envíen de nuevo como un correo nuevo y sencillo.",
    ),
    "B4c": Reason(
        "Una dirección inteligente no puede ser el remitente.",
        "El correo dice que lo escribió una dirección inteligente. Una dirección así solo recibe, por eso el correo no "
        "puede ser auténtico.",
        ("Elige tu propia dirección en From y envía el correo de nuevo.", _SEND),
        "dice que lo escribió una dirección inteligente",
        "{mail} dice que lo escribió una dirección inteligente",
        "Una dirección inteligente no envía nada. Quien lo escribió debe elegir una dirección propia en From.",
    ),
    "B5": Reason(
        "No podemos confirmar que este correo venga del dominio que indica.",
        "El dominio de From pide que se rechace el correo que no demuestra venir de él, y este correo a {address} no "
        "lo demuestra.",
        (
            "Envíalo desde el servicio de correo de tu propio dominio.",
            "Si administras ese dominio: firma su correo (DKIM) o incluye este servidor de correo (SPF).",
        ),
        "sin prueba de que venga del dominio que indica",
        "{mail} no demuestra venir del dominio que indica",
        "El dominio de quien lo envió pide rechazar ese correo. Quien lo administra puede firmarlo.",
    ),
    "B7": Reason(
        "Solo las personas que este equipo conoce pueden escribir aquí.",
        "Enviaste un correo con {address} en Cc. Su equipo solo recibe correo de su propia gente y de sus clientes.",
        ("Escribe a la persona que conoces en ese equipo, sin esta dirección.",),
        "alguien desconocido, y solo las personas conocidas pueden escribir aquí",
        "{mail} lo escribió alguien desconocido",
        "Para aceptar a quien lo escribió, crea un contacto. También puedes permitir que escriban desconocidos.",
    ),
    "B8": Reason(
        "No había ningún cliente en el correo.",
        "Enviaste un correo a {address}, que crea un contacto o un lead del cliente que está en el correo. From, To y "
        "Cc solo nombraban a personas del equipo. El texto de un correo reenviado no se lee.",
        ("Escribe a tu cliente o respóndele.", "Pon esta dirección en *Cc*:", _SEND),
        "ningún cliente en From, To o Cc",
        "{mail} no tiene ningún cliente",
        "Pide un correo que tenga al cliente en To o Cc. El texto de un correo reenviado no se lee.",
    ),
    "B10": Reason(
        "En este momento no podemos recibir correo.",
        "Algo de nuestro lado no funciona por poco tiempo. Tu correo a {address} no se ha perdido.",
        (_NOTHING,),
        "problema de nuestro lado; el servidor de correo lo intenta de nuevo",
        "{mail} no se pudo recibir por un momento",
        "No hay que hacer nada: el servidor de correo de quien lo envió lo intenta de nuevo por sí solo.",
        once=True,
    ),
}

OTHER = Reason(
    "Este correo no se recibió.",
    "Se rechazó un correo a {address}. Las palabras de abajo son las que oyó tu servidor de correo.",
    ("Muestra esta página a la persona que te dio la dirección.",),
    "no se recibió",
    "{mail} se rechazó",
    "La respuesta de abajo dice por qué.",
)

AROUND = Around(
    title="Por qué no se archivó tu correo",
    language="Idioma",
    safe="Las demás personas a las que escribiste no se ven afectadas.",
    safe_why="Solo se rechazó la copia a esta dirección, y su texto no se guardó.",
    right="Cómo hacerlo bien",
    now="Qué pasa ahora",
    wrong="Lo que pasó",
    works="Lo que funciona",
    client="tu cliente",
    nobody="nadie",
    told="Lo que se le dijo a tu servidor de correo",
    stuck="¿Sigue sin funcionar? Muestra esta página a la persona que te dio la dirección.",
    receipt="Puede buscar el registro {receipt}.",
    private="Esta página no muestra el correo de nadie: ni asunto, ni texto, ni la dirección de ninguna persona.",
    gone="Ya no tenemos este registro.",
    gone_days="Los registros se guardan {days} días.",
    gone_how="La respuesta que recibió tu servidor de correo dice el motivo en pocas palabras. Muéstrala a la persona "
    "que te dio la dirección.",
    mail="Un correo",
)
